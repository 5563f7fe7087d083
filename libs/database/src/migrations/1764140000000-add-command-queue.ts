import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A separate table for the queue: narrow, short-lived rows in a small table with its own vacuum settings. A lane
 * contains the queued commands that wait for the same resources; its row is a lower bound for the position of the first
 * of them.
 */
export class AddCommandQueue1764140000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE queue_pauses, queue_lanes, queued_commands');
    await runner.query(`CREATE INDEX commands_queued ON commands (priority DESC, id) WHERE status = 'queued'`);
  }
}

/** Rows live for seconds, and every scan begins at the dead ones: vacuum early, whatever the size. */
const BUSY = `(fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200,
  autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 500, autovacuum_vacuum_cost_delay = 0)`;

const STATEMENTS = [
  `CREATE TABLE queued_commands (
    command_id text COLLATE "C" NOT NULL,
    project_id text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    lock text COLLATE "C" NOT NULL,
    priority smallint NOT NULL,
    due_at timestamptz(3) NOT NULL,
    turn integer NOT NULL,
    created_at timestamptz(3) NOT NULL,
    expires_at timestamptz(3),
    CONSTRAINT queued_commands_pkey PRIMARY KEY (command_id)
  ) WITH ${BUSY}`,
  `CREATE INDEX queued_commands_order ON queued_commands (project_id, due_at, turn, command_id)`,
  `CREATE INDEX queued_commands_lane ON queued_commands (project_id, key_id, lock, due_at, turn, command_id)`,
  `CREATE INDEX queued_commands_expiry ON queued_commands (expires_at) WHERE expires_at IS NOT NULL`,
  `CREATE TABLE queue_lanes (
    project_id text COLLATE "C" NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    lock text COLLATE "C" NOT NULL,
    due_at timestamptz(3) NOT NULL,
    turn integer NOT NULL,
    command_id text COLLATE "C" NOT NULL,
    CONSTRAINT queue_lanes_pkey PRIMARY KEY (project_id, key_id, lock)
  ) WITH ${BUSY}`,
  `CREATE INDEX queue_lanes_order ON queue_lanes (due_at, turn, command_id)`,
  // The empty project id stands for the whole queue.
  `CREATE TABLE queue_pauses (
    project_id text COLLATE "C" NOT NULL,
    paused_at timestamptz(3) NOT NULL DEFAULT now(),
    CONSTRAINT queue_pauses_pkey PRIMARY KEY (project_id)
  )`,
  // Queued commands keep their position: by priority and age, with the default rate of ageing.
  `INSERT INTO queued_commands
   SELECT id, project_id, coalesce(key_id, ''), coalesce(lock, ''), priority,
     date_bin('300 s', created_at, 'epoch'::timestamptz) - priority * interval '300 s', 0, created_at, queue_expires_at
   FROM commands WHERE status = 'queued'`,
  `INSERT INTO queue_lanes
   SELECT DISTINCT ON (project_id, key_id, lock) project_id, key_id, lock, due_at, turn, command_id
   FROM queued_commands ORDER BY project_id, key_id, lock, due_at, turn, command_id`,
  `DROP INDEX commands_queued`,
];
