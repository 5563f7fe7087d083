import { execFile, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ApiProcess,
  type HttpClient,
  type TestDatabase,
  createEmptyDatabase,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  newest,
  outputOf,
  programOf,
  rowsOf,
  runCommand,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';

const { privateKey } = generateKeyPairSync('ed25519');
const AUDIT_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' });

const PAGE = readFileSync('docs/operations/backup-and-restore.md', 'utf8');

/** The programs beside the server on which this suite runs. */
function program(name: 'pg_dump' | 'pg_restore', ...args: string[]): void {
  const { status, stderr } = spawnSync(join(process.env.TEST_POSTGRES_BIN!, name), args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
}

/** As the page has it, without the last option, which names a file or a database. */
function optionsOf(name: string): string[] {
  const [, options] = new RegExp(`^${name} (--.*) --(?:file|dbname)=`, 'm').exec(PAGE) ?? [];
  if (options === undefined) throw new Error(`The page does not show ${name}.`);
  return options.split(' ');
}

const dump = (url: string, file: string): void => {
  program('pg_dump', ...optionsOf('pg_dump'), `--file=${file}`, url);
};
const restore = (url: string, file: string): void => {
  program('pg_restore', ...optionsOf('pg_restore'), `--dbname=${url}`, file);
};

/** Gives the role of the API its privileges, and creates it, as the job of the chart does. */
async function migrate(ownerUrl: string, apiUrl: string): Promise<void> {
  const { main } = await programOf();
  await promisify(execFile)(process.execPath, [join(dirname(main), `migrate${extname(main)}`)], {
    env: { DATABASE_URL: apiUrl, DATABASE_OWNER_URL: ownerUrl },
  });
}

describe.each([
  ['the same PostgreSQL', process.env],
  ['a newer one', newest()],
])('a backup that is restored into an empty database of %s', (_name, server) => {
  let dir: string;
  let source: TestDatabase;
  let target: TestDatabase;
  let api: ApiProcess;
  let restored: ApiProcess;
  let client: HttpClient;
  let installId: string;
  let project: string;
  let role: string;
  const ids: Record<
    'finished' | 'running' | 'writing' | 'ending' | 'started' | 'forgotten' | 'queued' | 'later',
    string
  > = {} as never;

  const start = (databaseUrl: string, adminKey?: string): Promise<ApiProcess> =>
    startApi({
      databaseUrl,
      dataDir: dir,
      ...(adminKey !== undefined && { adminKey }),
      env: { RDEV_AUDIT_KEY: AUDIT_KEY },
    });

  async function beforeBackup(): Promise<void> {
    project = await createProject(api.client);
    const { body: key } = expectStatus(await api.client.post('/v1/keys', { name: 'kept', scopes: ['admin'] }), 201);
    client = api.client.as(key.secret);
    ids.finished = (await runCommand(client, project, 'echo kept; echo also >&2; exit 3')).id;
    ids.running = (
      await startCommand(client, project, {
        script: 'echo before; until [ -e go ]; do sleep 0.1; done; echo after',
        lock: 'x',
      })
    ).id;
    await eventually(async () => (await outputOf(client, ids.running)).toString() === 'before\n');
    const writing =
      'echo 1; until [ -e second ]; do sleep 0.1; done; echo 2; until [ -e go ]; do sleep 0.1; done; echo 3';
    ids.writing = (await startCommand(client, project, writing)).id;
    await eventually(async () => (await outputOf(client, ids.writing)).toString() === '1\n');
    ids.ending = (
      await startCommand(client, project, { script: 'until [ -e second ]; do sleep 0.1; done', lock: 'y' })
    ).id;
    ids.started = (await startCommand(client, project, { script: 'echo once >> started', lock: 'y' })).id;
    ids.forgotten = (await startCommand(client, project, { script: 'echo again >> forgotten', lock: 'y' })).id;
    await eventually(async () => (await client.get(`/v1/commands/${ids.ending}`)).body.status === 'running');
    ids.queued = (await startCommand(client, project, { script: 'echo ran', lock: 'x' })).id;
    // The log is signed, and nothing is pending.
    await eventually(async () => (await client.get('/v1/audit/checkpoints')).body.data.length > 0, 90_000);
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rdev-backup-'));
    source = await createEmptyDatabase();
    target = await createEmptyDatabase(server);
    api = await start(source.url);
    await beforeBackup();
    installId = (await api.client.get('/v1/system')).body.installId;
    dump(source.url, join(dir, 'rdev.dump'));
    ids.later = (await runCommand(client, project, 'touch second')).id;
    await eventually(async () => (await outputOf(client, ids.writing)).toString() === '1\n2\n');
    for (const id of [ids.started, ids.forgotten]) expect((await ended(client, id)).status).toBe('succeeded');
    // The disaster: this replica ends, and its database is not used again.
    await api.kill();
    // As when a pod is replaced: nothing is left there of this command.
    await rm(join(dir, 'spool', 'rdev', ids.forgotten), { recursive: true });
    restore(target.url, join(dir, 'rdev.dump'));
    const apiUrl = new URL(target.url);
    apiUrl.username = `${apiUrl.pathname.slice(1)}_api`;
    role = apiUrl.username;
    await migrate(target.url, apiUrl.href);
    restored = await start(apiUrl.href, api.adminKey);
    client = new (client.constructor as typeof HttpClient)(restored.baseUrl, client.key);
  });
  afterAll(async () => {
    await restored.stop();
    await api.stop();
    await source.drop();
    await target.drop();
    await rowsOf(server.TEST_DATABASE_URL ?? '', `DROP ROLE IF EXISTS "${role}"`);
    await rm(dir, { recursive: true, force: true, maxRetries: 10 });
  });

  it('has the same identity, keys and projects', async () => {
    expect((await client.get('/v1/system')).body.installId).toBe(installId);
    expect((await client.get('/v1/keys/self')).body.name).toBe('kept');
    expectStatus(await restored.client.get('/v1/keys/self'), 200);
    expect((await client.get(`/v1/projects/${project}`)).body.status).toBe('running');
  });

  it('has the commands of before with their output, and none of later', async () => {
    expect((await client.get(`/v1/commands/${ids.finished}`)).body).toMatchObject({
      status: 'failed',
      result: { exitCode: 3 },
    });
    expect((await outputOf(client, ids.finished)).toString()).toBe('kept\n');
    expect((await outputOf(client, ids.finished, 'stderr')).toString()).toBe('also\n');
    expectProblem(await client.get(`/v1/commands/${ids.later}`), 404, 'NOT_FOUND');
  });

  it('has an audit log that verifies, and goes on', async () => {
    await createProject(client);
    const { body } = expectStatus(await client.get('/v1/audit/verify'), 200);
    expect(body).toMatchObject({ valid: true, firstSeq: 1, firstBad: null });
    expect(body.checkpoints).toBeGreaterThan(0);
    for (const url of [target.url, restored.databaseUrl])
      await expect(rowsOf(url, 'DELETE FROM events')).rejects.toThrow();
  });

  it('reattaches to what has gone on running, and then starts what was queued', async () => {
    expect((await client.get(`/v1/commands/${ids.running}`)).body.status).toBe('running');
    await runCommand(client, project, 'touch go');
    expect((await ended(client, ids.running)).status).toBe('succeeded');
    expect((await outputOf(client, ids.running)).toString()).toBe('before\nafter\n');
    expect((await ended(client, ids.queued)).status).toBe('succeeded');
    expect((await outputOf(client, ids.queued)).toString()).toBe('ran\n');
  });

  it('continues output where the backup ends', async () => {
    expect((await ended(client, ids.writing)).status).toBe('succeeded');
    expect((await outputOf(client, ids.writing)).toString()).toBe('1\n2\n3\n');
  });

  it('does not know how those ended that have run since, and does not run them again', async () => {
    for (const id of [ids.ending, ids.started])
      expect(await ended(client, id)).toMatchObject({ status: 'lost', result: { exitCode: null, reason: 'unknown' } });
    expect(await textOf(client, project, 'cat started')).toBe('once\n');
  });

  it('runs again what was queued and has run since, if its pod has been replaced', async () => {
    expect((await ended(client, ids.forgotten)).status).toBe('succeeded');
    expect(await textOf(client, project, 'cat forgotten')).toBe('again\nagain\n');
  });
});
