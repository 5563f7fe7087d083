import type { QueryRunner } from 'typeorm';

export interface PartitionedIndex {
  /** Begins with the name of the table. */
  readonly name: string;
  /** The columns in parentheses, and the condition of a partial index. */
  readonly on: string;
}

/** A partition created after the index of the parent table already has its own. */
const without = (table: string, index: string): string => `
  SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = to_regclass('${table}') AND NOT EXISTS (
    SELECT FROM pg_inherits part JOIN pg_index index ON index.indexrelid = part.inhrelid
    WHERE part.inhparent = to_regclass('${index}') AND index.indrelid = c.oid)`;

/**
 * Indexes a partitioned table without blocking its writers, for a migration with `transaction = false`. Can be repeated
 * after a failure.
 */
export async function indexPartitions(
  runner: QueryRunner,
  table: string,
  indexes: readonly PartitionedIndex[],
): Promise<void> {
  await runner.query('SET lock_timeout = 0');
  await runner.query('SET statement_timeout = 0');
  try {
    for (const index of indexes) await indexEach(runner, table, index);
  } finally {
    await runner.query('RESET statement_timeout');
    await runner.query('RESET lock_timeout');
  }
}

async function indexEach(runner: QueryRunner, table: string, { name: index, on }: PartitionedIndex): Promise<void> {
  await runner.query(`CREATE INDEX IF NOT EXISTS ${index} ON ONLY ${table} ${on}`);
  for (const { name } of (await runner.query(without(table, index))) as { name: string }[]) {
    const own = name + index.slice(table.length);
    // An interrupted attempt leaves an invalid index.
    await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${own}`);
    await runner.query(`CREATE INDEX CONCURRENTLY ${own} ON ${name} ${on}`);
    await runner.query(`ALTER INDEX ${index} ATTACH PARTITION ${own}`);
  }
}
