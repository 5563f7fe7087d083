import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keeps who created a command, for the event of its end. Null: an earlier release created it. */
export class AddCommandActor1790000400020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE commands ADD COLUMN actor json');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE commands DROP COLUMN actor');
  }
}
