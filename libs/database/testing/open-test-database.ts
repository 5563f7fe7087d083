import { DataSource } from 'typeorm';
import { createTestDatabase } from '../../../test/support/database.js';
import { Database, PartitionKeeper, type PartitionedTable, PreparedDatabase, dataSourceOptions } from '../src/index.js';

/** Partitioned as in the app, with its default retention. */
export const PARTITIONED_TABLES: readonly PartitionedTable[] = [
  { table: 'commands', period: 'month', key: 'cmd', retentionDays: 90 },
  { table: 'command_output', period: 'day', key: 'cmd', retentionDays: 30 },
  { table: 'events', period: 'month', key: 'timestamp', retentionDays: 400 },
];

export interface OpenTestDatabase {
  readonly url: string;
  readonly dataSource: DataSource;
  readonly database: Database;
  /** Another pool on the same database, as another replica has it. */
  anotherReplica(): Promise<{ dataSource: DataSource; database: Database }>;
  /** As a replica has it for the queue. */
  prepared(sessions?: number): Promise<PreparedDatabase>;
  /** Closes all pools and drops the database. */
  close(): Promise<void>;
}

/** A migrated database of its own, with the partitions of the present. */
export async function openTestDatabase(poolSize = 10): Promise<OpenTestDatabase> {
  const { url, drop } = await createTestDatabase();
  const sources: DataSource[] = [];
  const prepared: PreparedDatabase[] = [];
  const connect = async (): Promise<{ dataSource: DataSource; database: Database }> => {
    const dataSource = await new DataSource(dataSourceOptions(url, { poolSize })).initialize();
    sources.push(dataSource);
    return { dataSource, database: new Database(dataSource) };
  };
  const first = await connect();
  await new PartitionKeeper(first.dataSource, PARTITIONED_TABLES).keep(new Date());
  return {
    url,
    ...first,
    anotherReplica: connect,
    prepared: async (sessions = 2) => {
      const opened = await PreparedDatabase.open(url, sessions);
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
