import { readFile, readdir } from 'node:fs/promises';
import pg from 'pg';
import { type ApiProcess, type HttpClient, startApi } from '../support/index.js';
import { signal } from '../support/processes.js';
import { FaultyProxy } from './faulty-proxy.js';

const REQUEST_MS = 6_000;

/** All clients share a key, and come back at once, whatever the answer. */
export const LOAD_ENV = { RATE_LIMIT_RPS: '0' };

export interface ReplicaOptions {
  readonly databaseUrl: string;
  readonly adminKey: string;
  /** Shared by replicas that run commands on this machine; else each has one of its own. */
  readonly dataDir?: string;
  readonly env: Readonly<Record<string, string>>;
  /** The way to the cluster, if there is one. */
  readonly cluster?: FaultyProxy;
}

/** One API of several, with ways of its own to the database and the cluster, which can be disturbed. */
export class Replica {
  /** Faults of one replica strike one after the other. */
  private busy: Promise<void> = Promise.resolve();

  private constructor(
    readonly api: ApiProcess,
    readonly database: FaultyProxy,
    private readonly databaseUrl: string,
    readonly cluster: FaultyProxy | null,
  ) {}

  static async start({ databaseUrl, cluster, ...options }: ReplicaOptions): Promise<Replica> {
    const url = new URL(databaseUrl);
    const database = await FaultyProxy.start({ host: url.hostname, port: Number(url.port || 5432) });
    url.host = `127.0.0.1:${database.port}`;
    const api = await startApi({ ...options, databaseUrl: url.href });
    return new Replica(api, database, databaseUrl, cluster ?? null);
  }

  /** A client that does not wait for ever: a replica may be paused. */
  get client(): HttpClient {
    return this.api.client.within(REQUEST_MS);
  }

  disturb(fault: () => Promise<void>): Promise<void> {
    const done = this.busy.then(fault);
    this.busy = done.catch(() => undefined);
    return done;
  }

  /** Ready again, if need be after a start. @throws if it does not come to that */
  async recover(): Promise<void> {
    this.database.mend();
    this.cluster?.mend();
    if (this.api.isRunning) await this.api.ready();
    else await this.api.start();
  }

  /** To the API alone, without waiting for what comes of it. */
  signal(name: NodeJS.Signals): void {
    signal(this.api.pid, name);
  }

  /** Kills some of the programs by which the API starts commands and attaches to them. */
  async killChildren(most: number): Promise<void> {
    const { pid } = this.api;
    const tasks = await readdir(`/proc/${pid}/task`).catch((): string[] => []);
    for (const task of tasks) {
      const children = await readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '');
      for (const child of children.trim().split(' ').filter(Boolean).slice(0, most)) signal(Number(child), 'SIGKILL');
    }
  }

  /** Ends every session of the database, those of other replicas too. */
  /** Those of the replicas: PostgreSQL has workers of its own, and another call may be at it. */
  async killSessions(): Promise<void> {
    const client = new pg.Client({ connectionString: this.databaseUrl, application_name: 'chaos' });
    await client.connect();
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'chaos'`,
    );
    await client.end();
  }

  async stop(): Promise<void> {
    this.signal('SIGCONT');
    await this.api.stop();
    await this.database.stop();
    await this.cluster?.stop();
  }
}
