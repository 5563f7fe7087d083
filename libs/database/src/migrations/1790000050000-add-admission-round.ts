import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Counts admissions, so that an admission can detect another one since it read the queue. */
export class AddAdmissionRound1790000050000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE admission_round (
      id boolean NOT NULL DEFAULT true,
      number bigint NOT NULL DEFAULT 0,
      CONSTRAINT admission_round_pkey PRIMARY KEY (id),
      CONSTRAINT admission_round_one CHECK (id)
    )`);
    await runner.query('INSERT INTO admission_round DEFAULT VALUES');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE admission_round');
  }
}
