import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { DataDirectoryInUse, EmbeddedPostgresUnavailable } from './errors.js';
import { EmbeddedPostgres } from './embedded-postgres.js';

const FAST = { fsync: 'off' };
const BUILT = join(process.cwd(), 'dist/embedded-postgres.cjs');

const copy = promisify(execFile);

describe('EmbeddedPostgres', () => {
  let template: string;
  let dir: string;
  const servers: EmbeddedPostgres[] = [];
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    template = await mkdtemp(join(tmpdir(), 'rdev-embedded-'));
    await (await EmbeddedPostgres.start({ dir: template, flags: FAST })).stop();
  });
  afterAll(() => rm(template, { recursive: true, force: true }));

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rdev-embedded-'));
  });

  /** Skips the slow first start, for tests that are not about it. */
  const startedBefore = () => copy('cp', ['-a', join(template, 'cluster'), dir]);

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const server of servers.splice(0)) await server.stop();
    // The server of a killed owner keeps running.
    const orphan = await serverPid().catch(() => null);
    if (orphan !== null) process.kill(orphan, 'SIGQUIT');
    await rm(dir, { recursive: true, force: true, maxRetries: 10 });
  });

  async function start(at = dir): Promise<EmbeddedPostgres> {
    const server = await EmbeddedPostgres.start({ dir: at, flags: FAST });
    servers.push(server);
    return server;
  }

  /** Another process that owns the directory, and its URL. */
  function startElsewhere(): { child: ChildProcess; url: Promise<string> } {
    const script = `
      const { EmbeddedPostgres } = await import(${JSON.stringify(BUILT)});
      const server = await EmbeddedPostgres.start({ dir: ${JSON.stringify(dir)}, flags: ${JSON.stringify(FAST)} });
      console.log(server.url);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    const url = new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (chunk: Buffer) => {
        resolve(chunk.toString().trim());
      });
      let problems = '';
      child.stderr.on('data', (chunk: Buffer) => {
        problems += chunk.toString();
      });
      child.once('exit', () => {
        reject(new Error(problems));
      });
    });
    url.catch(() => undefined);
    return { child, url };
  }

  async function killed(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  it('keeps its data over two restarts', async () => {
    await startedBefore();
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('listens on loopback only, with a password, in UTF-8 and without superuser privileges', async () => {
    await startedBefore();
    const { url } = await start();
    expect(
      await query(
        url,
        `SELECT current_setting('listen_addresses') AS addresses, current_setting('server_encoding') AS encoding, current_setting('is_superuser') AS superuser, current_database() AS name`,
      ),
    ).toEqual([{ addresses: '127.0.0.1', encoding: 'UTF8', superuser: 'off', name: 'rdev' }]);
    const other = new URL(url);
    other.password = 'guessed';
    await expect(query(other.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(join(dir, 'cluster/password'))).mode & 0o777).toBe(0o600);
  });

  it('takes over the running server after its owner was killed', async () => {
    await startedBefore();
    const { child, url } = startElsewhere();
    await query(await url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = await serverPid();
    await killed(child);
    const server = await start();
    expect(server.url).toBe(await url);
    expect(await serverPid()).toBe(pid);
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('refuses a directory that a running process owns, and names the process', async () => {
    await startedBefore();
    const { child, url } = startElsewhere();
    const owned = await url;
    const starting = EmbeddedPostgres.start({ dir, flags: FAST });
    await expect(starting).rejects.toThrow(DataDirectoryInUse);
    await expect(starting).rejects.toThrow(`process ${child.pid}`);
    expect(await query(owned, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
    await killed(child);
    await start();
  });

  it('gives a new directory to one of two concurrent starts', async () => {
    const { url } = startElsewhere();
    const outcomes = await Promise.allSettled([start(), url]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [refused] = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(String(refused?.reason)).toContain('is using');
    if (servers.length === 0) await killed(children[0]!).then(() => start());
  });

  it('starts over after a first start that was killed', async () => {
    const { child } = startElsewhere();
    await until(async () => (await readdir(dir)).some((name) => name.startsWith('cluster.unfinished-')));
    await killed(child);
    expect(await readdir(dir)).not.toContain('cluster');
    const server = await start();
    expect(await query(server.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  });

  it('ignores a lock file whose process id belongs to another program', async () => {
    await startedBefore();
    const first = await start();
    await first.stop();
    const data = join(dir, 'cluster/data');
    const { uid, gid } = await stat(data);
    const other = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {});
    children.push(other);
    await writeFile(join(data, 'postmaster.pid'), `${other.pid}\n${data}\n1700000000\n5432\n\n127.0.0.1\n\nready   \n`);
    const server = await start();
    expect(await query(server.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  });

  it('recovers from a crash of the machine', async () => {
    await startedBefore();
    const { child, url } = startElsewhere();
    await query(await url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = await serverPid();
    await killed(child);
    process.kill(pid, 'SIGKILL');
    const server = await start();
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('restarts a killed server at the same address', async () => {
    await startedBefore();
    const server = await start();
    process.kill(await serverPid(), 'SIGKILL');
    await until(() =>
      query(server.url, 'SELECT 1').then(
        () => true,
        () => false,
      ),
    );
    await until(async () => (await query(server.url, "SELECT FROM pg_locks WHERE locktype = 'advisory'")).length === 1);
    await expect(EmbeddedPostgres.start({ dir })).rejects.toThrow(DataDirectoryInUse);
  });

  it('works below a directory that only its owner may access', async () => {
    const closed = join(dir, 'closed');
    await mkdir(closed);
    await chmod(closed, 0o700);
    const server = await start(join(closed, 'deep/down'));
    expect(await query(server.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  });

  it('reports why the server does not start', async () => {
    await startedBefore();
    const starting = EmbeddedPostgres.start({ dir, flags: { shared_buffers: 'plenty' } });
    await expect(starting).rejects.toThrow(EmbeddedPostgresUnavailable);
    await expect(starting).rejects.toThrow(/shared_buffers.*DATABASE_URL/s);
  });

  async function serverPid(): Promise<number> {
    return Number.parseInt(await readFile(join(dir, 'cluster/data/postmaster.pid'), 'utf8'), 10);
  }
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('It did not come true in time.');
    await delay(5);
  }
}
