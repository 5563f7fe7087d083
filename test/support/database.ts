import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { timed } from './spans.js';

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

/** Where the set-up left the server beside that of TEST_POSTGRES_BIN. */
export function newest(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => name.startsWith('NEWEST_'));
  return Object.fromEntries(own.map(([name, value]) => [name.replace('NEWEST_', ''), value]));
}

/** A migrated database of its own, cloned from the template that the set-up made. */
export function createTestDatabase(env = process.env): Promise<TestDatabase> {
  return create(`TEMPLATE ${env.TEST_DATABASE_TEMPLATE} ${env.TEST_DATABASE_STRATEGY ?? ''}`, env);
}

/** A database of its own in which nothing has been migrated. */
export function createEmptyDatabase(env = process.env): Promise<TestDatabase> {
  return create('', env);
}

async function create(from: string, env: NodeJS.ProcessEnv): Promise<TestDatabase> {
  const { TEST_DATABASE_URL: server, TEST_DATABASE_TEMPLATE: template } = env;
  if (!server || !template) throw new Error('There is no test database here: run the suite by its npm script.');
  const name = `rdev_test_${randomBytes(8).toString('hex')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await timed('database', () => execute(server, `CREATE DATABASE ${name} ${from}`));
  return { url: url.href, drop: () => timed('database', () => drop(server, name)) };
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
export function factsOf(url: string, type: string): Promise<any[]> {
  return rowsOf(url, 'SELECT project_id, target, outcome, data, actor FROM events WHERE type = $1 ORDER BY seq', [
    type,
  ]);
}

export async function rowsOf(url: string, sql: string, parameters: readonly unknown[] = []): Promise<any[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(sql, [...parameters]).then(({ rows }) => rows).finally(() => client.end()); // prettier-ignore
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
