import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Signed checkpoints of the event log, and the keys that signed them. Neither is ever changed. */
export class AddAuditCheckpoints1790000400001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE audit_checkpoints (
      seq bigint NOT NULL,
      hash bytea NOT NULL,
      at timestamptz(3) NOT NULL,
      key_id text NOT NULL,
      signature text NOT NULL,
      CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (seq))`);
    await runner.query(`CREATE TABLE audit_keys (
      id text NOT NULL,
      public_key text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      endorsed_by text,
      endorsement text,
      CONSTRAINT audit_keys_pkey PRIMARY KEY (id))`);
    await runner.query(`CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'The table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$`);
    for (const table of ['audit_checkpoints', 'audit_keys'])
      await runner.query(`CREATE TRIGGER ${table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_checkpoints, audit_keys');
    await runner.query('DROP FUNCTION refuse_change');
  }
}
