import { createHmac } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Cluster, SUPERUSER, dataDirectory, openCluster } from './cluster.js';
import { DataDirectoryInUse, EmbeddedPostgresUnavailable, hasCode } from './errors.js';
import { findPrograms } from './programs.js';
import { Server } from './server.js';
import { ServerUser } from './server-user.js';

/** Name of the database, and of the role that owns it. */
const NAME = 'rdev';
/** The role that the API runs as. */
const API_NAME = 'rdev_api';
const OWNER_LOCK = 7_236_869;
/** PostgreSQL needs a moment to notice that the previous owner was killed. */
const OWNER_TIMEOUT_MS = 2_000;
const RETRY_MS = 100;
/** Retries in case the server that was found is just stopping. */
const CONNECTS_MAX = 20;
const RECOVERY_MS = 500;
const RECOVERY_GRACE_MS = 3_000;
const LOG_CHECK_MS = 60_000;

export interface EmbeddedPostgresOptions {
  /** Directory of the database; created if missing. */
  readonly dir: string;
  /** Receives a line for slow or unusual operations. */
  readonly logger?: (line: string) => void;
  /** Server settings, such as `fsync: 'off'` in tests. */
  readonly flags?: Readonly<Record<string, string>>;
}

/**
 * An embedded PostgreSQL for trials and tests, in a directory that one process owns at a time. If that process is
 * killed, the server continues, and the next owner takes it over.
 */
export class EmbeddedPostgres {
  private owner: pg.Client | undefined;
  private stopping = false;
  private recovery: Promise<void> = Promise.resolve();
  private readonly logCheck: NodeJS.Timeout;

  private constructor(
    private readonly dir: string,
    private readonly cluster: Cluster,
    private readonly server: Server,
    private readonly log: (line: string) => void,
    private port: number,
  ) {
    this.logCheck = setInterval(() => void server.boundLog().catch(() => undefined), LOG_CHECK_MS).unref();
  }

  /**
   * @throws {@link DataDirectoryInUse} if another live process owns the directory
   * @throws {@link EmbeddedPostgresUnavailable} if it cannot run here
   */
  static async start({
    dir,
    logger = () => undefined,
    flags = {},
  }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { cluster, server, path } = await prepare(dir, { logger, flags });
    const { port } = await server.ensureRunning();
    const postgres = new EmbeddedPostgres(path, cluster, server, logger, port);
    try {
      await postgres.acquire();
      await postgres.createDatabase();
      return postgres;
    } catch (error) {
      await (error instanceof DataDirectoryInUse ? postgres.release() : postgres.stop());
      throw error;
    }
  }

  /** URL of the role that owns the database and may create others, and roles. */
  get url(): string {
    return this.urlOf(NAME, this.cluster.password);
  }

  /** URL of a role that owns nothing, for the API. The migrations create it. */
  get apiUrl(): string {
    // A password that reveals nothing about the owner's, and needs no file.
    const password = createHmac('sha256', this.cluster.password).update(API_NAME).digest('base64url');
    return this.urlOf(API_NAME, password);
  }

  private urlOf(role: string, password: string): string {
    return `postgres://${role}:${password}@127.0.0.1:${this.port}/${NAME}`;
  }

  /** Ends all sessions and the server; everything committed is on disk. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.race([this.recovery, delay(RECOVERY_GRACE_MS, undefined, { ref: false })]);
    await this.server.stop();
    await this.release();
  }

  private async release(): Promise<void> {
    this.stopping = true;
    clearInterval(this.logCheck);
    await this.owner?.end().catch(() => undefined);
  }

  /** Retries, since the previous owner may just be stopping the server. */
  private async acquire(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.becomeOwner();
        return;
      } catch (error) {
        if (error instanceof DataDirectoryInUse) throw error;
        if (attempt === CONNECTS_MAX) {
          const reason = error instanceof Error ? error.message : String(error);
          throw new EmbeddedPostgresUnavailable(
            `The embedded PostgreSQL in ${this.dir} refuses the connection: ${reason}`,
            { cause: error },
          );
        }
      }
      await delay(RETRY_MS);
      ({ port: this.port } = await this.server.ensureRunning());
    }
  }

  /**
   * Ownership is a lock of a database session: unlike a lock file, it ends with its process, however that dies.
   */
  private async becomeOwner(): Promise<void> {
    const client = this.client();
    try {
      await client.connect();
      const deadline = Date.now() + OWNER_TIMEOUT_MS;
      while (!(await tryLock(client))) {
        if (Date.now() > deadline) throw new DataDirectoryInUse(this.dir, await ownerPid(client));
        await delay(RETRY_MS);
      }
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.owner = client;
    client.once('end', () => {
      if (!this.stopping) this.recovery = this.recover();
    });
  }

  /** Restarts a server that crashed or was stopped, on the same port. */
  private async recover(): Promise<void> {
    this.log('The embedded PostgreSQL has stopped; restarting it.');
    while (!this.stopping) {
      try {
        await this.server.ensureRunning(this.port);
        await this.becomeOwner();
        this.log('The embedded PostgreSQL is running again.');
        return;
      } catch (error) {
        this.log(error instanceof Error ? error.message : String(error));
        await delay(RECOVERY_MS);
      }
    }
  }

  private async createDatabase(): Promise<void> {
    const has = async (query: string): Promise<boolean> => (await this.owner?.query(query, [NAME]))?.rowCount === 1;
    if (!(await has('SELECT FROM pg_roles WHERE rolname = $1'))) {
      await this.owner?.query(`CREATE ROLE ${NAME} LOGIN CREATEDB CREATEROLE PASSWORD '${this.cluster.password}'`);
    }
    if (!(await has('SELECT FROM pg_database WHERE datname = $1'))) {
      await this.owner?.query(`CREATE DATABASE ${NAME} OWNER ${NAME}`);
    }
  }

  private client(): pg.Client {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.port,
      user: SUPERUSER,
      password: this.cluster.password,
      database: 'postgres',
      application_name: `rdev owner ${process.pid}`,
      connectionTimeoutMillis: 10_000,
    });
    client.on('error', () => undefined); // 'end' follows
    return client;
  }
}

interface Preparation {
  readonly logger: (line: string) => void;
  readonly flags: Readonly<Record<string, string>>;
}

async function prepare(dir: string, { logger, flags }: Preparation) {
  const programs = await findPrograms();
  try {
    await mkdir(dir, { recursive: true, mode: 0o711 }); // secrets inside have their own modes
    const path = await realpath(dir);
    const data = dataDirectory(path);
    const user = await ServerUser.choose(path, data, programs);
    const cluster = await openCluster(path, { programs, user, durable: flags.fsync !== 'off', logger });
    await user.own(data);
    const server = new Server({ ...programs, data, logFile: join(path, 'postgres.log'), user, flags });
    return { path, cluster, server };
  } catch (cause) {
    if (!hasCode(cause, 'EACCES', 'EPERM')) throw cause;
    throw new EmbeddedPostgresUnavailable(
      `${dir} belongs to another user. Run rdev as that user, or choose another directory with RDEV_DATA_DIR.`,
      { cause },
    );
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [OWNER_LOCK]);
  return rows[0]?.got === true;
}

/** The process that holds the lock; null if it has just released it. */
async function ownerPid(client: pg.Client): Promise<number | null> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT application_name AS name FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND objid = $1`,
    [OWNER_LOCK],
  );
  const pid = Number(rows[0]?.name.split(' ').at(-1));
  return pid > 0 ? pid : null;
}
