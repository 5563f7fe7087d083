import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The part of a command's spec that lists and long polls need, so that they do not read the script. Existing rows, and
 * rows added by an older release, have none: it is then derived from the spec until retention has dropped them.
 */
export class AddCommandOutline1790000100002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE commands ADD COLUMN outline json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE commands DROP COLUMN outline');
  }
}
