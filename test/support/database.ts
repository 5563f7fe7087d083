import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const CLONE_TIMEOUT_MS = 20_000;
const RETRY_MS = 50;
/** "source database … is being accessed by other users": another worker clones it at this moment. */
const OBJECT_IN_USE = '55006';
const INSUFFICIENT_PRIVILEGE = '42501';

export interface TestDatabase {
  readonly url: string;
  /** Ends every session of it, too. */
  drop(): Promise<void>;
}

/** A migrated database of its own, cloned from the template that the set-up made. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { TEST_DATABASE_URL: server, TEST_DATABASE_TEMPLATE: template } = process.env;
  if (!server || !template) throw new Error('There is no test database here: run the suite by its npm script.');
  const name = `rdev_test_${randomBytes(8).toString('hex')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await execute(server, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  return { url: url.href, drop: () => drop(server, name) };
}

async function drop(server: string, name: string): Promise<void> {
  try {
    await execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  } catch (error) {
    if ((error as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    // The sessions are gone, but autovacuum is at work, which is the superuser's. Without FORCE it is asked to leave.
    await execute(server, `DROP DATABASE IF EXISTS ${name}`);
  }
}

/** The facts of a type, oldest first, as they are recorded. */
export async function factsOf(url: string, type: string): Promise<any[]> {
  const sql = 'SELECT project_id, target, outcome, data, actor FROM events WHERE type = $1 ORDER BY seq';
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(sql, [type]).then(({ rows }) => rows).finally(() => client.end()); // prettier-ignore
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const deadline = Date.now() + CLONE_TIMEOUT_MS;
    while (!(await attempt(client, statement, deadline))) await delay(RETRY_MS);
  } finally {
    await client.end();
  }
}

async function attempt(client: pg.Client, statement: string, deadline: number): Promise<boolean> {
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    const isBusy = error instanceof pg.DatabaseError && error.code === OBJECT_IN_USE;
    if (!isBusy || Date.now() > deadline) throw error;
    return false;
  }
}
