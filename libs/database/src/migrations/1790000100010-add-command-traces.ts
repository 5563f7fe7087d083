import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Why a command was asked to end, how many bytes of its stdin are known to have been written, and whether its spec
 * still has what it was given: of what an older release adds that is not known, so it counts as there.
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
