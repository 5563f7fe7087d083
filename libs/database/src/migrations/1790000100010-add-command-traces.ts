import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The reason of a cancellation, the number of bytes known to be written to stdin, and whether the spec still contains
 * the command's input. For rows added by an older release this is unknown, so the default is true.
 */
export class AddCommandTraces1790000100010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE commands ADD COLUMN cancel_reason text, ADD COLUMN stdin_bytes bigint, ADD COLUMN has_input boolean NOT NULL DEFAULT true',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE commands DROP COLUMN has_input, DROP COLUMN stdin_bytes, DROP COLUMN cancel_reason',
    );
  }
}
