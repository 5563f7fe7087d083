import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What lists and waits need of a command's spec, beside it, so that they do not read what it runs. Rows that are there,
 * and those that an older release adds, have none: it is then made of the spec on reading, until retention has dropped
 * them.
 */
export class AddCommandOutline1790000100002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE commands ADD COLUMN outline json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE commands DROP COLUMN outline');
  }
}
