import { setTimeout as sleep } from 'node:timers/promises';
import { StartRefused } from '@app/kernel';
import type { DataSource } from 'typeorm';
import { connect } from './connect.js';
import { dataSourceOptions } from './data-source.js';
import { codeOf, isBlocked } from './errors.js';
import { RoleRefused, grantTo, hasGrants } from './grants.js';
import { LOCKS } from './locks.js';
import { migrations } from './migrations/index.js';

/** Short: other statements queue behind a waiting migration. PostgreSQL cancels a blocking autovacuum after 1 s. */
const LOCK_TIMEOUT_MS = 3_000;
const PATIENCE_MS = 120_000;
/** How often a role that owns nothing checks whether the owner has migrated. */
const CHECK_MS = 500;
/** Low: migrations use the database first, and a wrong address should be reported soon. */
const CONNECT_ATTEMPTS_MAX = 3;

/**
 * Migrations are recorded in `applied_migrations`. Older releases record them in `migrations` and are ready only while
 * its newest row is the last migration that they know, so that table is left unchanged.
 */
const RECORDS = ['migrations', 'applied_migrations'];

const BEGIN_RECORD = `
  INSERT INTO applied_migrations (timestamp, name)
  SELECT timestamp, name FROM migrations WHERE NOT EXISTS (SELECT FROM applied_migrations) ORDER BY id`;

/** Lets the last such release start on a newer database. */
const RECORD_FOR_OLDER = `
  INSERT INTO migrations (timestamp, name)
  SELECT timestamp, name FROM applied_migrations WHERE timestamp <= 1790000050000 AND NOT EXISTS (SELECT FROM migrations) ORDER BY id`;

export interface MigrateOptions {
  /** How long a statement waits for a lock before it gives way to others and is retried. */
  readonly lockTimeoutMs?: number;
  /** For how long it is retried. */
  readonly patienceMs?: number;
  /** The connection of the API, if its role is another one: it gets its privileges. */
  readonly apiUrl?: string;
}

/** Another session did not release a lock in time. */
export class MigrationBlocked extends StartRefused {
  constructor(patienceMs: number, cause: unknown) {
    super(
      `For ${String(patienceMs / 1_000)} s another session has held a lock that a migration needs. See pg_locks and pg_stat_activity.`,
      { cause },
    );
  }
}

/**
 * Whether the role can migrate: it owns the tables, or can create them. Without tables of its own it would otherwise
 * fail in the middle.
 */
const CAN_MIGRATE = `
  SELECT coalesce(
    (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('applied_migrations')),
    has_schema_privilege(current_schema(), 'CREATE'), true) AS can`;

/** The schema is behind, and this role cannot change it. */
export class SchemaBehind extends StartRefused {
  constructor(missing: readonly string[]) {
    super(
      `The schema lacks ${missing.join(', ')}, and the role of DATABASE_URL does not own it. ` +
        'Run the migrations as its owner: `node dist/migrate.cjs` with DATABASE_OWNER_URL.',
    );
  }
}

/**
 * Migrates the schema. Replicas that start together run one after the other, and all but the first find nothing to do.
 * A role that does not own the tables waits until their owner has migrated them.
 * @throws {@link MigrationBlocked}, {@link SchemaBehind} or {@link RoleRefused}
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<void> {
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, patienceMs = PATIENCE_MS, apiUrl } = options;
  const dataSource = await connect(dataSourceOptions(url, { poolSize: 2, lockTimeoutMs }), {
    attemptsMax: CONNECT_ATTEMPTS_MAX,
  });
  try {
    const [role] = await dataSource.query<{ can: boolean }[]>(CAN_MIGRATE);
    if (role?.can === true) await migrateAsOwner(dataSource, { lockTimeoutMs, patienceMs, apiUrl });
    else if (apiUrl === undefined) await waitForOwner(dataSource, patienceMs);
    else
      throw new RoleRefused(
        'The role of DATABASE_OWNER_URL does not own the tables of rdev. Run REASSIGN OWNED BY … TO ….',
      );
  } finally {
    // The lock ends with its session.
    await dataSource.destroy();
  }
}

async function migrateAsOwner(
  dataSource: DataSource,
  { lockTimeoutMs, patienceMs, apiUrl }: { lockTimeoutMs: number; patienceMs: number; apiUrl: string | undefined },
): Promise<void> {
  const lock = dataSource.createQueryRunner();
  await lock.query('SET lock_timeout = 0');
  await lock.query('SELECT pg_advisory_lock($1)', [LOCKS.migration]);
  for (const table of RECORDS) await ensureTable(dataSource, table);
  await dataSource.query(BEGIN_RECORD);
  await runMigrations(dataSource, lockTimeoutMs, patienceMs);
  await dataSource.query(RECORD_FOR_OLDER);
  if (apiUrl !== undefined) await grantTo(apiUrl, dataSource);
}

async function waitForOwner(dataSource: DataSource, patienceMs: number): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const missing = await missingFrom(dataSource);
    if (missing.length === 0) return;
    if (performance.now() >= deadline) throw new SchemaBehind(missing);
    await sleep(CHECK_MS);
  }
}

/** The migrations that have not run, and the privileges. */
async function missingFrom(dataSource: DataSource): Promise<readonly string[]> {
  const applied = await dataSource.query<{ name: string }[]>('SELECT name FROM applied_migrations').catch(noneIfHidden);
  const names = new Set(applied.map(({ name }) => name));
  const missing = migrations.map(({ name }) => name).filter((name) => !names.has(name));
  return missing.length > 0 || (await hasGrants(dataSource)) ? missing : ['privileges of the role'];
}

/** The table does not exist yet, or the role may not read it yet. */
function noneIfHidden(error: unknown): [] {
  if (['42P01', '42501'].includes(codeOf(error))) return [];
  throw error;
}

/** Checks first: CREATE TABLE IF NOT EXISTS needs the CREATE privilege even if the table exists. */
async function ensureTable(dataSource: DataSource, table: string): Promise<void> {
  const [{ exists }] = await dataSource.query<[{ exists: boolean }]>('SELECT to_regclass($1) IS NOT NULL AS "exists"', [
    table,
  ]);
  if (exists) return;
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
      // Let the statements that queued behind the attempt run first.
      await sleep(lockTimeoutMs);
    }
  }
}
