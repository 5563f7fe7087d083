import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which volume the files of a project are on, and whether one has gone. */
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
