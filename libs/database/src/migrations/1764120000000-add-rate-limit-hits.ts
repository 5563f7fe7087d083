import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Request counts that replicas share. Unlogged: ten seconds of data are not worth WAL. */
export class AddRateLimitHits1764120000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE UNLOGGED TABLE rate_limit_hits (
        key text COLLATE "C" NOT NULL,
        replica uuid NOT NULL,
        bucket bigint NOT NULL,
        hits integer NOT NULL,
        newest_at timestamptz NOT NULL,
        CONSTRAINT rate_limit_hits_pkey PRIMARY KEY (key, replica, bucket)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE rate_limit_hits');
  }
}
