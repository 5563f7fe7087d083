import type { ChildProcess } from 'node:child_process';
import { open, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasArgument, isAlive } from './processes.js';
import { EmbeddedPostgresUnavailable } from './errors.js';
import type { ServerUser } from './server-user.js';

const POLL_MS = 25;
const START_TIMEOUT_MS = 60_000;
const ATTEMPTS_MAX = 4;
const BACKOFF_MS = 300;
const STOP_TIMEOUT_MS = 12_000;
const LOG_BYTES_MAX = 8 * 1024 * 1024;
const LOG_TAIL_BYTES = 2_000;

/** Enough for trials and laptops. Flags take precedence. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '64MB',
  max_wal_size: '256MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_parallel_workers_per_gather: '0',
  io_method: 'sync',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Statements and values may contain secrets.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
};

export interface ServerOptions {
  readonly postgres: string;
  readonly data: string;
  readonly logFile: string;
  readonly user: ServerUser;
  readonly flags: Readonly<Record<string, string>>;
}

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** The server process. It survives if this process is killed; the next start finds it. */
export class Server {
  constructor(private readonly options: ServerOptions) {}

  /**
   * Starts the server unless it is running.
   * @param port port to start it on; default: any free one
   */
  async ensureRunning(port?: number): Promise<Postmaster> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    let child: ChildProcess | undefined;
    let attempts = 0;
    while (Date.now() < deadline) {
      const found = await this.find();
      if (found?.isReady === true) return found;
      if (found === null && !(child && isRunning(child))) {
        // Retry: the port may have been taken meanwhile, or processes of a killed server may still be ending.
        if (++attempts > ATTEMPTS_MAX) break;
        await delay((attempts - 1) * BACKOFF_MS);
        child = await this.spawn(port ?? (await freePort()));
      }
      await delay(POLL_MS);
    }
    throw new EmbeddedPostgresUnavailable(
      `The embedded PostgreSQL does not start; its log (${this.options.logFile}) ends with:\n${await this.logTail()}\nSet DATABASE_URL to use your own PostgreSQL.`,
    );
  }

  /** A fast shutdown: ends the sessions and loses no committed data. */
  async stop(): Promise<void> {
    const found = await this.find();
    if (found === null) return;
    signal(found.pid, 'SIGINT');
    if (await this.isGone(found.pid)) return;
    signal(found.pid, 'SIGQUIT'); // immediate; the next start recovers
    await this.isGone(found.pid);
  }

  /** Truncates a log that is too large; the server opened it for appending and continues. */
  async boundLog(): Promise<void> {
    const { size } = await stat(this.options.logFile);
    if (size > LOG_BYTES_MAX) await truncate(this.options.logFile);
  }

  /** Null if none is running. Lines of the file: pid, directory, start, port, socket, address, memory, status. */
  private async find(): Promise<(Postmaster & { readonly isReady: boolean }) | null> {
    const lock = join(this.options.data, 'postmaster.pid');
    const lines = (await readFile(lock, 'utf8').catch(() => '')).split('\n');
    const pid = Number(lines[0]);
    if (!(pid > 0)) return null;
    if (await hasArgument(pid, this.options.data)) {
      return { pid, port: Number(lines[3]), isReady: lines[7]?.startsWith('ready') === true };
    }
    // After a crash of the machine another program may have the id, which PostgreSQL would take for a running server.
    if (isAlive(pid)) await rm(lock, { force: true });
    return null;
  }

  private async spawn(port: number): Promise<ChildProcess> {
    const { postgres, data, logFile, user, flags } = this.options;
    const { size } = await stat(logFile).catch(() => ({ size: 0 }));
    if (size > LOG_BYTES_MAX) await rename(logFile, `${logFile}.1`);
    const log = await open(logFile, 'a', 0o600);
    const settings = Object.entries({ ...SETTINGS, ...flags, port: String(port) });
    try {
      // In its own session: Ctrl+C must reach only the API, which stops the server itself.
      const child = user.spawn(
        postgres,
        ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        {
          stdio: ['ignore', log.fd, log.fd],
          detached: true,
        },
      );
      child.once('error', () => undefined); // detected by isRunning
      child.unref();
      return child;
    } finally {
      await log.close();
    }
  }

  private async isGone(pid: number): Promise<boolean> {
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while (await hasArgument(pid, this.options.data)) {
      if (Date.now() > deadline) return false;
      await delay(POLL_MS);
    }
    return true;
  }

  private async logTail(): Promise<string> {
    const text = await readFile(this.options.logFile, 'utf8').catch(() => '');
    return text.slice(-LOG_TAIL_BYTES).trim();
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}
