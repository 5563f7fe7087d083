import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Adds seals to the event log, and keeps sealed events from being changed. */
export class SealEvents1790000400000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of ['events', 'pending_events'])
      await runner.query(`ALTER TABLE ${table} ADD COLUMN details json`);
    await runner.query('ALTER TABLE events ADD COLUMN hash bytea');
    await runner.query(`ALTER TABLE event_log_head
      ADD COLUMN sealed_seq bigint DEFAULT 0 NOT NULL, ADD COLUMN hash bytea,
      ADD COLUMN start_seq bigint DEFAULT 0 NOT NULL, ADD COLUMN start_hash bytea`);
    // The previous release leaves events without a seal, and they are sealed later.
    await runner.query(`CREATE FUNCTION keep_sealed_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF OLD.hash IS NOT NULL THEN
        RAISE EXCEPTION 'The event % is sealed: the log is append-only', OLD.seq USING ERRCODE = 'restrict_violation';
      END IF;
      IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
      RETURN NEW; END $$`);
    await runner.query(`CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'The log is append-only' USING ERRCODE = 'restrict_violation'; END $$`);
    await runner.query(`CREATE TRIGGER events_keep_sealed BEFORE UPDATE OR DELETE ON events
      FOR EACH ROW EXECUTE FUNCTION keep_sealed_event()`);
    // A partition has the row triggers of its table, but not its statement triggers.
    await runner.query(`DO $$ DECLARE part regclass; BEGIN
      FOR part IN SELECT 'events'::regclass UNION ALL
        SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'events'::regclass
      LOOP
        EXECUTE format('CREATE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', part);
      END LOOP; END $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION keep_sealed_event, refuse_truncate CASCADE');
    await runner.query(
      'ALTER TABLE event_log_head DROP COLUMN sealed_seq, DROP COLUMN hash, DROP COLUMN start_seq, DROP COLUMN start_hash',
    );
    await runner.query('ALTER TABLE events DROP COLUMN hash, DROP COLUMN details');
    await runner.query('ALTER TABLE pending_events DROP COLUMN details');
  }
}
