import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Projects, keys, commands with their output, and the event log. The partition keeper creates the partitions. */
export class CreateTables1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE IF EXISTS command_output, commands, event_log_head, events, pending_events, idempotency_keys, api_keys, project_activity, projects',
    );
  }
}

const STATEMENTS = [
  `CREATE TABLE projects (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    reason text,
    git_url text,
    git_ref text,
    env json NOT NULL,
    labels jsonb NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT projects_pkey PRIMARY KEY (id)
  )`,
  `CREATE TABLE project_activity (
    project_id text COLLATE "C" NOT NULL,
    last_command_at timestamptz(3) NOT NULL,
    CONSTRAINT project_activity_pkey PRIMARY KEY (project_id)
  )`,
  `CREATE TABLE api_keys (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    prefix text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    projects text[],
    allowed_ips text[],
    created_by text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    expires_at timestamptz(3),
    revoked_at timestamptz(3),
    last_used_at timestamptz(3),
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_prefix_key UNIQUE (prefix)
  )`,
  // Ids are time-ordered, so a range of ids is a span of time, and a lookup by id touches one partition.
  `CREATE TABLE commands (
    id text COLLATE "C" NOT NULL,
    project_id text COLLATE "C" NOT NULL,
    key_id text COLLATE "C",
    type text NOT NULL,
    spec json NOT NULL,
    labels jsonb NOT NULL,
    status text NOT NULL,
    priority smallint NOT NULL,
    lock text,
    trace text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    queue_expires_at timestamptz(3),
    admitted_at timestamptz(3),
    started_at timestamptz(3),
    first_byte_at timestamptz(3),
    cancel_requested_at timestamptz(3),
    cancel_grace_seconds smallint,
    unreachable_since timestamptz(3),
    ended_at timestamptz(3),
    instance json,
    lease_owner text,
    lease_expires_at timestamptz(3),
    stdout_bytes bigint NOT NULL DEFAULT 0,
    stderr_bytes bigint NOT NULL DEFAULT 0,
    result json,
    CONSTRAINT commands_pkey PRIMARY KEY (id)
  ) PARTITION BY RANGE (id)`,
  `CREATE INDEX commands_project ON commands (project_id, id)`,
  `CREATE INDEX commands_queued ON commands (priority DESC, id) WHERE status = 'queued'`,
  `CREATE INDEX commands_active ON commands (project_id) WHERE status IN ('starting', 'running')`,
  `CREATE INDEX commands_lease ON commands (lease_expires_at) WHERE status IN ('starting', 'running')`,
  // A row contains consecutive bytes of one stream or, with data null, declares a range of bytes as missing.
  // position counts the bytes of both streams before it: it fixes their order for live and replayed output.
  `CREATE TABLE command_output (
    command_id text COLLATE "C" NOT NULL,
    stream smallint NOT NULL,
    stream_offset bigint NOT NULL,
    position bigint NOT NULL,
    length bigint NOT NULL,
    data bytea,
    reason text,
    CONSTRAINT command_output_pkey PRIMARY KEY (command_id, stream, stream_offset)
  ) PARTITION BY RANGE (command_id)`,
  // Output is often already compressed, and PostgreSQL would try to compress each chunk on the hot path.
  `ALTER TABLE command_output ALTER COLUMN data SET STORAGE EXTERNAL`,
  `CREATE TABLE idempotency_keys (
    scope bytea NOT NULL,
    fingerprint bytea NOT NULL,
    resource_id text,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope)
  )`,
  `CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at)`,
  `CREATE TABLE pending_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    event_id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    project_id text COLLATE "C",
    target text NOT NULL,
    outcome text NOT NULL,
    actor json NOT NULL,
    data json NOT NULL,
    CONSTRAINT pending_events_pkey PRIMARY KEY (id)
  )`,
  `CREATE TABLE events (
    seq bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    at timestamptz(3) NOT NULL,
    project_id text COLLATE "C",
    target text NOT NULL,
    outcome text NOT NULL,
    actor json NOT NULL,
    data json NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (seq, at)
  ) PARTITION BY RANGE (at)`,
  `CREATE INDEX events_project ON events (project_id, seq)`,
  // Not max(seq): retention may leave the log empty, and readers continue from the numbers they know.
  `CREATE TABLE event_log_head (
    id boolean NOT NULL DEFAULT true,
    last_seq bigint NOT NULL DEFAULT 0,
    CONSTRAINT event_log_head_pkey PRIMARY KEY (id),
    CONSTRAINT event_log_head_one CHECK (id)
  )`,
  `INSERT INTO event_log_head DEFAULT VALUES`,
];
