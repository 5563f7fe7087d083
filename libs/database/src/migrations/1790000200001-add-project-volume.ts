import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The volume with the files of a project, and whether it was lost. */
export class AddProjectVolume1790000200001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE projects ADD COLUMN volume text, ADD COLUMN volume_lost boolean NOT NULL DEFAULT false',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE projects DROP COLUMN volume, DROP COLUMN volume_lost');
  }
}
