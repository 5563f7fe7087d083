import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';

/** Any number, the same in every replica. */
const MIGRATION_LOCK = 7_236_870;

/** Brings the schema up to date. Replicas that start together take turns, and all but the first find nothing to do. */
export async function migrate(url: string): Promise<void> {
  const dataSource = new DataSource({ ...dataSourceOptions(url), extra: { max: 2 } });
  await dataSource.initialize();
  try {
    const lock = dataSource.createQueryRunner();
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await dataSource.runMigrations();
  } finally {
    // The lock ends with its session.
    await dataSource.destroy();
  }
}
