import type { MigrationInterface, QueryRunner } from 'typeorm';

const SIGNATURES = [
  'partition_span(text, text)',
  'partition_bound(text, timestamptz)',
  'create_partition(text, text)',
  'refresh_partitions(text)',
  'drop_partition(text, text)',
];

/**
 * Functions that change partitions with the privileges of the owner, so that the API's role needs none of them. They
 * contain no backslash and depend on no setting that a session can change.
 */
export class AddPartitionFunctions1790000400030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of FUNCTIONS) await runner.query(statement);
    for (const signature of SIGNATURES) {
      await runner.query(`REVOKE EXECUTE ON FUNCTION ${signature} FROM PUBLIC`);
      // The schema of the tables comes from the connection. New tables are created in the first schema of the path.
      await runner.query(`DO $$ BEGIN
        EXECUTE format('ALTER FUNCTION ${signature} SET search_path = %I, pg_temp', current_schema()); END $$`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const signature of [...SIGNATURES].reverse()) await runner.query(`DROP FUNCTION ${signature}`);
  }
}

const FUNCTIONS = [
  // The start and the end of a partition, by its name. Refuses all other tables and names.
  `CREATE FUNCTION partition_span(parent text, part text, OUT since timestamptz, OUT till timestamptz)
   LANGUAGE plpgsql STRICT AS $$
   DECLARE
     is_daily boolean := parent = 'command_output';
     stamp text := substr(part, length(parent) + 3);
   BEGIN
     IF parent NOT IN ('commands', 'command_output', 'events') OR left(part, length(parent) + 2) <> parent || '_p'
       OR stamp !~ (CASE WHEN is_daily THEN '^[0-9]{8}$' ELSE '^[0-9]{6}$' END) OR stamp < '1970' THEN
       RAISE EXCEPTION '"%" is no partition of "%"', part, parent USING ERRCODE = 'invalid_parameter_value';
     END IF;
     since := make_timestamptz(left(stamp, 4)::int, substr(stamp, 5, 2)::int,
       CASE WHEN is_daily THEN right(stamp, 2)::int ELSE 1 END, 0, 0, 0, 'UTC');
     till := (since AT TIME ZONE 'UTC' + CASE WHEN is_daily THEN interval '1 day' ELSE interval '1 month' END)
       AT TIME ZONE 'UTC';
   END $$`,
  // The value of the partition key at a moment: the first id of that millisecond, or the moment.
  `CREATE FUNCTION partition_bound(parent text, at timestamptz) RETURNS text LANGUAGE plpgsql STRICT AS $$
   DECLARE
     rest bigint := extract(epoch FROM at)::bigint * 1000;
     digits text := '';
   BEGIN
     IF parent = 'events' THEN
       RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
     END IF;
     FOR i IN 1..10 LOOP
       digits := substr('0123456789abcdefghjkmnpqrstvwxyz', (rest % 32)::int + 1, 1) || digits;
       rest := rest / 32;
     END LOOP;
     RETURN 'cmd_' || digits || repeat('0', 16);
   END $$`,
  // Returns whether it was missing. CREATE TABLE … PARTITION OF would lock the table against all others.
  `CREATE FUNCTION create_partition(parent text, part text) RETURNS boolean LANGUAGE plpgsql STRICT SECURITY DEFINER AS $$
   DECLARE
     span record;
   BEGIN
     SELECT * INTO span FROM partition_span(parent, part);
     IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = parent::regclass AND inhrelid = to_regclass(part)) THEN
       RETURN false;
     END IF;
     EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE %I INCLUDING ALL)', part, parent);
     IF parent = 'events' THEN
       -- A partition has the row triggers of its table, but not its statement triggers.
       EXECUTE format('CREATE OR REPLACE TRIGGER events_refuse_truncate BEFORE TRUNCATE ON %I
         FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()', part);
     END IF;
     EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part,
       partition_bound(parent, span.since), partition_bound(parent, span.till));
     RETURN true;
   END $$`,
  // Changes nothing, but makes all sessions read the list of partitions again. Blocks no other statement.
  `CREATE FUNCTION refresh_partitions(parent text) RETURNS void LANGUAGE plpgsql STRICT SECURITY DEFINER AS $$
   DECLARE
     key text := CASE parent WHEN 'commands' THEN 'id' WHEN 'command_output' THEN 'command_id' WHEN 'events' THEN 'at' END;
   BEGIN
     IF key IS NULL THEN
       RAISE EXCEPTION '"%" has no partitions', parent USING ERRCODE = 'invalid_parameter_value';
     END IF;
     EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS -1', parent, key);
   END $$`,
  // Returns whether it existed. Of the log only the oldest month can be dropped, and only if what follows can still be
  // verified: the log then starts after the last record of that month.
  `CREATE FUNCTION drop_partition(parent text, part text) RETURNS boolean LANGUAGE plpgsql STRICT SECURITY DEFINER AS $$
   DECLARE
     span record;
     last record;
   BEGIN
     SELECT * INTO span FROM partition_span(parent, part);
     IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = parent::regclass AND inhrelid = to_regclass(part)) THEN
       RETURN false;
     END IF;
     IF parent = 'events' THEN
       IF span.till > now() - interval '30 days' THEN
         RAISE EXCEPTION 'The partition % ended less than 30 days ago', part USING ERRCODE = 'restrict_violation';
       END IF;
       IF EXISTS (SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
         WHERE inhparent = 'events'::regclass AND relname ~ '^events_p[0-9]{6}$' AND relname < part) THEN
         RAISE EXCEPTION 'The partition % is not the oldest', part USING ERRCODE = 'restrict_violation';
       END IF;
       EXECUTE format('SELECT seq, hash FROM %I ORDER BY seq DESC LIMIT 1', part) INTO last;
       IF last.seq IS NOT NULL THEN
         IF last.hash IS NULL THEN
           RAISE EXCEPTION 'The last record of % is not sealed', part USING ERRCODE = 'restrict_violation';
         END IF;
         IF EXISTS (SELECT FROM audit_keys) AND NOT EXISTS (SELECT FROM audit_checkpoints WHERE seq = last.seq) THEN
           RAISE EXCEPTION 'The last record of % has no checkpoint', part USING ERRCODE = 'restrict_violation';
         END IF;
         UPDATE event_log_head SET start_seq = last.seq, start_hash = last.hash WHERE last.seq > start_seq;
       END IF;
     END IF;
     EXECUTE format('DROP TABLE %I', part);
     RETURN true;
   END $$`,
];
