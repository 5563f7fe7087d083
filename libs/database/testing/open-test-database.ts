import { DataSource } from 'typeorm';
import pg from 'pg';
import { createTestDatabase } from '../../../test/support/database.js';
import { FakeClock } from '@app/kernel/testing';
import {
  Database,
  PartitionKeeper,
  PartitionStore,
  type PartitionedTable,
  PreparedDatabase,
  dataSourceOptions,
  migrate,
} from '../src/index.js';

/** As in the app, with the default retention. */
export const PARTITIONED_TABLES: readonly PartitionedTable[] = [
  { table: 'commands', period: 'month', key: 'cmd', retentionDays: 90 },
  { table: 'command_output', period: 'day', key: 'cmd', retentionDays: 30 },
  { table: 'events', period: 'month', key: 'timestamp', retentionDays: 400 },
];

type Replica = Pick<OpenTestDatabase, 'dataSource' | 'database' | 'partitions'>;

/** Which role the API is: the one that owns the tables, or one with the privileges of the API only. */
export const ROLES = ['owner', 'API role'] as const;
export type Role = (typeof ROLES)[number];

export interface OpenTestDatabase {
  readonly url: string;
  /** A connection of the role that owns the tables. */
  readonly owner: DataSource;
  readonly dataSource: DataSource;
  readonly database: Database;
  readonly partitions: PartitionStore;
  /** Opens another pool on the same database, like another replica. */
  anotherReplica(): Promise<Replica>;
  /** Opens a prepared database, like the queue's. */
  prepared(sessions?: number, nowMs?: () => number): Promise<PreparedDatabase>;
  /** Closes all pools and drops the database. */
  close(): Promise<void>;
}

/** Creates a separate migrated database with the current partitions. */
export async function openTestDatabase(poolSize = 10, role: Role = 'owner'): Promise<OpenTestDatabase> {
  const created = await createTestDatabase();
  const sources: DataSource[] = [];
  const prepared: PreparedDatabase[] = [];
  const open = async (url: string): Promise<DataSource> => {
    const dataSource = await new DataSource(dataSourceOptions(url, { poolSize })).initialize();
    sources.push(dataSource);
    return dataSource;
  };
  const api = role === 'owner' ? null : await createApiRole(created.url);
  const url = api?.url ?? created.url;
  const connect = async (): Promise<Replica> => {
    const dataSource = await open(url);
    const partitions = new PartitionStore(dataSource, PARTITIONED_TABLES);
    return { dataSource, database: new Database(dataSource, partitions), partitions };
  };
  const first = await connect();
  await new PartitionKeeper(first.database, first.partitions, new FakeClock(new Date())).keep();
  return {
    url,
    owner: api === null ? first.dataSource : await open(created.url),
    ...first,
    anotherReplica: connect,
    prepared: async (sessions = 2, nowMs) => {
      const opened = await PreparedDatabase.open(url, sessions, nowMs);
      prepared.push(opened);
      return opened;
    },
    close: async () => {
      for (const opened of prepared) await opened.onApplicationShutdown();
      for (const source of sources) await source.destroy();
      await created.drop();
      await api?.drop();
    },
  };
}

/** Creates a role for the API, as a migration run does: roles belong to the server, so each database has its own. */
export async function createApiRole(ownerUrl: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const url = new URL(ownerUrl);
  url.username = `${url.pathname.slice(1)}_api`;
  await migrate(ownerUrl, { apiUrl: url.href });
  const drop = async (): Promise<void> => {
    const client = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
    await client.connect();
    await client.query(`DROP ROLE IF EXISTS "${url.username}"`).finally(() => client.end());
  };
  return { url: url.href, drop };
}
