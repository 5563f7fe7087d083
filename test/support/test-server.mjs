/**
 * The PostgreSQL of the tests: the one of TEST_DATABASE_URL, else an embedded one in a temporary directory that writes
 * nothing through to the disk. Migrations run once, into a template database that every test file clones.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '256MB' };

/** Loaded from dist/, as Jest does not transform what its set-up imports. */
const database = () => import('../../dist/libs/database/src/index.js');

/** @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>} what tests read from the environment */
export async function startTestServer({ TEST_DATABASE_URL: url, TEST_DATABASE_TEMPLATE: template } = process.env) {
  if (url && template) return { env: {}, stop: async () => {} };
  const server = url ? { url, stop: async () => {} } : await startEmbedded();
  try {
    const made = await createTemplate(server.url);
    const stop = async () => {
      if (url) await made.drop();
      await server.stop();
    };
    return { env: { TEST_DATABASE_URL: server.url, TEST_DATABASE_TEMPLATE: made.name }, stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function startEmbedded() {
  const { EmbeddedPostgres } = await import('../../dist/libs/database/src/embedded/index.js');
  const dir = await mkdtemp(join(tmpdir(), 'rdev-postgres-'));
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
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const { migrate } = await database();
  await migrate(url.href);
  // Nobody may be connected to a database while it is cloned.
  await execute(serverUrl, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  return { name, drop };
}

async function execute(url, ...statements) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
