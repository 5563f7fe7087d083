import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The id of this install: generated once, and part of every backup and move of the database. */
export class AddInstall1790000200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE install (
      one boolean DEFAULT true,
      id uuid NOT NULL,
      CONSTRAINT install_pkey PRIMARY KEY (one),
      CONSTRAINT install_one CHECK (one))`);
    await runner.query('INSERT INTO install (id) VALUES (gen_random_uuid())');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE install');
  }
}
