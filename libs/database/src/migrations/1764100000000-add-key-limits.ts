import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Limits of a key; null: the server default. */
export class AddKeyLimits1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE api_keys ADD COLUMN rate_limit_rps integer, ADD COLUMN max_concurrent_commands integer',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE api_keys DROP COLUMN rate_limit_rps, DROP COLUMN max_concurrent_commands');
  }
}
