import { setTimeout as sleep } from 'node:timers/promises';
import { StartRefused } from '@app/kernel';
import type { DataSource } from 'typeorm';
import { connect } from './connect.js';
import { dataSourceOptions } from './data-source.js';
import { isBlocked } from './errors.js';
import { LOCKS } from './locks.js';

/** Any number, the same in every replica. */

/** Statements of others queue behind a migration that waits for a lock. An autovacuum in the way is ended after 1 s. */
const LOCK_TIMEOUT_MS = 3_000;
const PATIENCE_MS = 120_000;
/** It is the first to need the database: an address that is wrong should soon be told. */
const CONNECT_ATTEMPTS_MAX = 3;

/**
 * Migrations are recorded in `applied_migrations`. Releases that record them in `migrations` are ready only while its
 * newest row is the last migration that they know, so that table stays as such a release left it.
 */
const RECORDS = ['migrations', 'applied_migrations'];

const BEGIN_RECORD = `
  INSERT INTO applied_migrations (timestamp, name)
  SELECT timestamp, name FROM migrations WHERE NOT EXISTS (SELECT FROM applied_migrations) ORDER BY id`;

/** Lets the last release of that kind start on a database that is newer than it. */
const RECORD_FOR_OLDER = `
  INSERT INTO migrations (timestamp, name)
  SELECT timestamp, name FROM applied_migrations WHERE timestamp <= 1790000050000 AND NOT EXISTS (SELECT FROM migrations) ORDER BY id`;

export interface MigrateOptions {
  /** How long a statement waits for a lock before it lets others pass and is tried again. */
  readonly lockTimeoutMs?: number;
  /** For how long it is tried again. */
  readonly patienceMs?: number;
}

/** A migration needs a table that another session has not released in time. */
export class MigrationBlocked extends StartRefused {
  constructor(patienceMs: number, cause: unknown) {
    super(
      `For ${String(patienceMs / 1_000)} s another session has held a lock that a migration needs: see pg_locks and pg_stat_activity.`,
      { cause },
    );
  }
}

/**
 * Brings the schema up to date. Replicas that start together take turns, and all but the first find nothing to do.
 * @throws {@link MigrationBlocked}
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<void> {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, patienceMs = PATIENCE_MS } = options;
  const dataSource = await connect(dataSourceOptions(url, { poolSize: 2, lockTimeoutMs }), CONNECT_ATTEMPTS_MAX);
  try {
    const lock = dataSource.createQueryRunner();
    await lock.query('SET lock_timeout = 0');
    await lock.query('SELECT pg_advisory_lock($1)', [LOCKS.migration]);
    for (const table of RECORDS) await makeRecord(dataSource, table);
    await dataSource.query(BEGIN_RECORD);
    await runMigrations(dataSource, lockTimeoutMs, patienceMs);
    await dataSource.query(RECORD_FOR_OLDER);
  } finally {
    // The lock ends with its session.
    await dataSource.destroy();
  }
}

/** Asks first: CREATE TABLE IF NOT EXISTS needs the right to create also where there is nothing to do. */
async function makeRecord(dataSource: DataSource, table: string): Promise<void> {
  const [{ isThere }] = await dataSource.query<[{ isThere: boolean }]>(
    'SELECT to_regclass($1) IS NOT NULL AS "isThere"',
    [table],
  );
  if (isThere) return;
  await dataSource.query(
    `CREATE TABLE IF NOT EXISTS ${table} (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL)`,
  );
}

async function runMigrations(dataSource: DataSource, lockTimeoutMs: number, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      await dataSource.runMigrations();
      return;
    } catch (error) {
      if (!isBlocked(error)) throw error;
      if (performance.now() >= deadline) throw new MigrationBlocked(patienceMs, error);
      // The statements that queued behind the attempt go first.
      await sleep(lockTimeoutMs);
    }
  }
}
