import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type TestDatabase, createTestDatabase } from './database.js';
import { eventually } from './deadline.js';
import { HttpClient } from './http-client.js';
import { leaksIn, noteKey } from './known-secrets.js';
import { killProcessesOf, signal } from './processes.js';
import { noteProcessorTime, timed } from './spans.js';

/** It takes 2 s; a machine with much to do may take long. */
const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 25_000;
const LOG_CHARS_MAX = 2_000_000;

export interface ApiOptions {
  /** Added to, or in place of, what the API gets anyway; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Shares the database of another API, such as a second replica's. */
  readonly databaseUrl?: string;
  /** A data directory to keep; else a temporary one that goes with the API. */
  readonly dataDir?: string;
  readonly adminKey?: string;
  /** A built tree of another release to run in place of this one. */
  readonly release?: string;
  /** False: comes back as soon as it listens or has ended. */
  readonly waitUntilReady?: boolean;
}

export interface Program {
  readonly main: string;
  readonly nodeFlags: readonly string[];
  readonly nodeEnvironment?: Readonly<Record<string, string>>;
}

/** What a built tree runs, and with which flags and environment of Node, as it says itself. */
export async function programOf(release = process.cwd()): Promise<Program> {
  return (await import(join(release, 'scripts/project.mjs'))) as Program;
}

/**
 * Starts the built API as a process of its own, on ports that it finds free, with its own data directory and database.
 */
export async function startApi(options: ApiOptions = {}): Promise<ApiProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'rdev-api-')));
  const database = options.databaseUrl === undefined ? await createTestDatabase() : null;
  const api = new ApiProcess(options, dataDir, database);
  try {
    await api.start();
    return api;
  } catch (error) {
    await api.stop();
    throw error;
  }
}

export class ApiProcess {
  private child: ChildProcess | undefined;
  private output = '';
  private readonly leaked: string[] = [];

  constructor(
    private readonly options: ApiOptions,
    readonly dataDir: string,
    private readonly database: TestDatabase | null,
  ) {
    this.adminKey = options.adminKey ?? newKey();
    noteKey(this.adminKey);
    noteKey(new URL(this.databaseUrl).password);
  }

  readonly adminKey: string;

  /** What it listened on when it was started first, and listens on after a restart; 0 before. */
  port = 0;
  metricsPort = 0;

  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get databaseUrl(): string {
    return this.options.databaseUrl ?? this.database?.url ?? '';
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** What all its processes wrote so far, to either stream. */
  get logs(): string {
    return this.output;
  }

  /** Secrets of this test file that its logs show. */
  get leaks(): readonly string[] {
    return [...this.leaked, ...leaksIn(this.output)];
  }

  private dropOldLogs(): void {
    this.leaked.push(...leaksIn(this.output));
    this.output = this.output.slice(-LOG_CHARS_MAX);
  }

  /** A client with the admin key. */
  get client(): HttpClient {
    return new HttpClient(this.baseUrl, this.adminKey);
  }

  /** Comes back when it is ready; without waiting for that, as soon as it listens or has ended. */
  start(): Promise<void> {
    return timed('api', () => this.launch());
  }

  private async launch(): Promise<void> {
    const { main, nodeFlags, nodeEnvironment } = await programOf(this.options.release);
    const child = spawn(process.execPath, [...nodeFlags, main], {
      cwd: this.dataDir,
      env: { ...nodeEnvironment, ...this.environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own, to be killed as a whole
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
        if (this.output.length > 2 * LOG_CHARS_MAX) this.dropOldLogs();
      });
    }
    if (this.options.waitUntilReady !== false) await this.ready();
    else await eventually(() => !this.isRunning || this.listens(), READY_TIMEOUT_MS);
  }

  /** Whether it has said where: in the log, or in the welcome where LOG_LEVEL leaves the log without it. */
  private listens(): boolean {
    const find = (...lines: RegExp[]) => Number(lines.map((line) => line.exec(this.output)?.[1]).find(Boolean) ?? 0);
    if (this.port === 0) {
      this.metricsPort = find(/"port":(\d+),.*"Metrics are served"/);
      this.port = find(/"port":(\d+),.*"The API is served"/, /rdev (?:is ready|listens) at \S+:(\d+)/);
    }
    return this.port !== 0;
  }

  /** Waits for 200 on /ready. */
  async ready(timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    const isReady = eventually(
      async () => !this.isRunning || (this.listens() && (await this.client.get('/ready')).status === 200),
      timeoutMs,
    );
    await isReady.catch((cause: unknown) => {
      throw new Error(`The API did not become ready:\n${this.output}`, { cause });
    });
    if (!this.isRunning) throw new Error(`The API ended:\n${this.output}`);
  }

  get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  /** The admin key that the API made itself: for an API that was started with `RDEV_ADMIN_KEY: undefined`. */
  async generatedAdminKey(): Promise<string> {
    return (await readFile(join(this.dataDir, 'admin.key'), 'utf8')).trim();
  }

  /** Sends the signal to the API alone, and waits until it has ended. Answers its exit code; null after a signal. */
  async kill(name: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const child = this.child;
    if (child?.pid === undefined || !this.isRunning) return child?.exitCode ?? null;
    noteProcessorTime(child.pid);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    signal(child.pid, name);
    const timer = setTimeout(() => signal(-this.pid, 'SIGKILL'), STOP_TIMEOUT_MS);
    return ended.finally(() => clearTimeout(timer));
  }

  /** Ends it by the signal and starts it again on the same port, directory and database. */
  async restart(name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(name);
    await this.start();
  }

  /** Ends it with everything that it started, and removes its data. @throws if its logs show a secret */
  stop(): Promise<void> {
    return timed('stop', () => this.end());
  }

  private async end(): Promise<void> {
    await this.kill('SIGTERM');
    if (this.pid > 0) signal(-this.pid, 'SIGKILL');
    if (this.options.dataDir === undefined) {
      await killProcessesOf(this.dataDir);
      await rm(this.dataDir, { recursive: true, force: true, maxRetries: 10 });
    }
    await this.database?.drop();
    const { leaks } = this;
    if (leaks.length > 0) throw new Error(`Secrets are in the logs:\n${leaks.join('\n')}`);
  }

  /** From scratch: what the developer's shell has set must not decide a test. */
  private environment(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    const own = {
      HOST: '127.0.0.1',
      PORT: String(this.port),
      METRICS_PORT: String(this.metricsPort),
      DATABASE_URL: this.databaseUrl,
      RDEV_DATA_DIR: this.dataDir,
      RDEV_RUNTIME: 'local',
      RDEV_ADMIN_KEY: this.adminKey,
      RATE_LIMIT_RPS: '0',
    };
    return { ...(PATH && { PATH }), ...(HOME && { HOME }), ...own, ...this.options.env };
  }
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A key in the format of keys, which the API accepts as its admin key. */
export function newKey(): string {
  const random = (length: number) => Array.from(randomBytes(length), (byte) => BASE62.charAt(byte % 62)).join('');
  const body = `rdev_${random(8)}_${random(32)}`;
  let rest = crc32(body);
  let checksum = '';
  for (let i = 0; i < 6; i++) {
    checksum = BASE62.charAt(rest % 62) + checksum;
    rest = Math.floor(rest / 62);
  }
  return body + checksum;
}
