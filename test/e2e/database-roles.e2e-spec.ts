import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import {
  type ApiProcess,
  type TestDatabase,
  createEmptyDatabase,
  createProject,
  ended,
  eventually,
  expectStatus,
  newKey,
  outputOf,
  programOf,
  rowsOf,
  startApi,
  startCommand,
  textOf,
} from '../support/index.js';

const OWNS = 'owns the tables';

describe('an API that does not own its tables', () => {
  let database: TestDatabase;
  let dataDir: string;
  let apiUrl: URL;
  let api: ApiProcess;

  beforeAll(async () => {
    database = await createEmptyDatabase();
    dataDir = await mkdtemp(join(tmpdir(), 'rdev-roles-'));
    apiUrl = new URL(database.url);
    apiUrl.username = `${apiUrl.pathname.slice(1)}_api`;
    const { main } = await programOf();
    await promisify(execFile)(process.execPath, [join(dirname(main), `migrate${extname(main)}`)], {
      env: { DATABASE_URL: apiUrl.href, DATABASE_OWNER_URL: database.url },
    });
    // Without the owner's URL, as in the chart.
    api = await startApi({ databaseUrl: apiUrl.href, dataDir, adminKey: newKey() });
  });
  afterAll(async () => {
    await api.stop();
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
    await rowsOf(process.env.TEST_DATABASE_URL ?? '', `DROP ROLE IF EXISTS "${apiUrl.username}"`);
  });

  it('runs commands, with stdin, a lock, webhooks and idempotency', async () => {
    const { client } = api;
    const project = await createProject(client);
    expect(await textOf(client, project, 'echo hello')).toBe('hello\n');
    const { id } = await startCommand(client, project, { script: 'cat', stdin: 'open', lock: 'one' });
    await eventually(async () => (await client.get(`/v1/commands/${id}`)).body.status === 'running');
    const waiting = await startCommand(client, project, { script: 'echo next', lock: 'one' });
    expectStatus(await client.post(`/v1/commands/${id}/stdin`, { data: 'typed\n', eof: true }), 200);
    expect((await ended(client, id)).status).toBe('succeeded');
    expect((await outputOf(client, id)).toString()).toBe('typed\n');
    expect((await ended(client, waiting.id)).status).toBe('succeeded');
    expectStatus(await client.post('/v1/webhooks', { url: 'https://example.com/', events: ['command.*'] }), 201);
    const body = { type: 'shell', script: 'echo once' };
    const once = { 'Idempotency-Key': 'once' };
    const answers = [1, 2].map(() => client.post(`/v1/projects/${project}/commands`, body, once));
    const ids = (await Promise.all(answers)).map((answer) => answer.body.id ?? answer.status);
    expect(new Set(ids.filter((each) => typeof each === 'string')).size).toBe(1);
    expectStatus(await client.post('/v1/keys', { name: 'k', scopes: ['commands:read'] }), 201);
  });

  it('seals and signs the log, and verifies it', async () => {
    await eventually(async () => (await rowsOf(apiUrl.href, 'SELECT FROM audit_checkpoints')).length > 0, 60_000);
    const { body } = expectStatus(await api.client.get('/v1/audit/verify'), 200);
    expect(body).toMatchObject({ valid: true });
    expect(await rowsOf(apiUrl.href, `SELECT FROM events WHERE hash IS NULL AND at < now() - interval '10 s'`)).toEqual(
      [],
    );
    await expect(rowsOf(apiUrl.href, 'DELETE FROM events')).rejects.toThrow('permission denied');
  });

  it('starts again, and reports neither an error nor that it owns the tables', async () => {
    await api.restart();
    const lines = api.logs.split('\n');
    expect(lines.filter((line) => line.includes('"level":"error"') || line.includes(OWNS))).toEqual([]);
  });
});

describe('an API that owns its tables', () => {
  it('says so once', async () => {
    const api = await startApi();
    try {
      await eventually(() => api.logs.includes(OWNS));
      expect(api.logs.split(OWNS)).toHaveLength(2);
    } finally {
      await api.stop();
    }
  });
});

describe('the embedded database', () => {
  it('has a role of its own for the API, which owns nothing', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'rdev-roles-'));
    const api = await startApi({ dataDir, env: { DATABASE_URL: undefined } });
    try {
      const cluster = join(dataDir, 'postgres', 'cluster');
      const password = await readFile(join(cluster, 'password'), 'utf8');
      const port = (await readFile(join(cluster, 'data', 'postmaster.pid'), 'utf8')).split('\n')[3];
      const owner = `postgres://rdev:${password}@127.0.0.1:${port ?? ''}/rdev`;
      expect(
        await rowsOf(
          owner,
          `SELECT DISTINCT usename::text AS name FROM pg_stat_activity WHERE application_name = 'rdev'`,
        ),
      ).toEqual([{ name: 'rdev_api' }]);
      expect(
        await rowsOf(
          owner,
          `SELECT has_table_privilege('rdev_api', 'events', 'DELETE, TRUNCATE') AS remove, pg_has_role('rdev_api', 'rdev', 'MEMBER') AS member,
             rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS privileged FROM pg_roles WHERE rolname = 'rdev_api'`,
        ),
      ).toEqual([{ remove: false, member: false, privileged: false }]);
      expect(api.logs).not.toContain(OWNS);
    } finally {
      await api.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
