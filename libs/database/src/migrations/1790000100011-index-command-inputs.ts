import type { MigrationInterface, QueryRunner } from 'typeorm';

const INDEXED = '(ended_at) WHERE has_input AND ended_at IS NOT NULL';

/** A partition created after the index of the parent table already has its own. */
const WITHOUT = `
  SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = to_regclass('commands') AND NOT EXISTS (
    SELECT FROM pg_inherits part JOIN pg_index index ON index.indexrelid = part.inhrelid
    WHERE part.inhparent = to_regclass('commands_input') AND index.indrelid = c.oid)`;

/** Finds ended commands that still have their input. Created concurrently; can be repeated after a failure. */
export class IndexCommandInputs1790000100011 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('SET lock_timeout = 0');
    await runner.query('SET statement_timeout = 0');
    try {
      await runner.query(`CREATE INDEX IF NOT EXISTS commands_input ON ONLY commands ${INDEXED}`);
      for (const { name } of (await runner.query(WITHOUT)) as { name: string }[]) {
        // An interrupted attempt leaves an invalid index.
        await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}_input`);
        await runner.query(`CREATE INDEX CONCURRENTLY ${name}_input ON ${name} ${INDEXED}`);
        await runner.query(`ALTER INDEX commands_input ATTACH PARTITION ${name}_input`);
      }
    } finally {
      await runner.query('RESET statement_timeout');
      await runner.query('RESET lock_timeout');
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX commands_input');
  }
}
