import { DataSource } from 'typeorm';
import { createTestDatabase } from '../../../test/support/database.js';
import { FakeClock } from '@app/kernel/testing';
import {
  Database,
  PartitionKeeper,
  PartitionStore,
  type PartitionedTable,
  PreparedDatabase,
  dataSourceOptions,
} from '../src/index.js';

/** As in the app, with the default retention. */
export const PARTITIONED_TABLES: readonly PartitionedTable[] = [
  { table: 'commands', period: 'month', key: 'cmd', retentionDays: 90 },
  { table: 'command_output', period: 'day', key: 'cmd', retentionDays: 30 },
  { table: 'events', period: 'month', key: 'timestamp', retentionDays: 400 },
];

type Replica = Pick<OpenTestDatabase, 'dataSource' | 'database' | 'partitions'>;

export interface OpenTestDatabase {
  readonly url: string;
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
export async function openTestDatabase(poolSize = 10): Promise<OpenTestDatabase> {
  const { url, drop } = await createTestDatabase();
  const sources: DataSource[] = [];
  const prepared: PreparedDatabase[] = [];
  const connect = async (): Promise<Replica> => {
    const dataSource = await new DataSource(dataSourceOptions(url, { poolSize })).initialize();
    sources.push(dataSource);
    const partitions = new PartitionStore(dataSource, PARTITIONED_TABLES);
    return { dataSource, database: new Database(dataSource, partitions), partitions };
  };
  const first = await connect();
  await new PartitionKeeper(first.database, first.partitions, new FakeClock(new Date())).keep();
  return {
    url,
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
      await drop();
    },
  };
}
