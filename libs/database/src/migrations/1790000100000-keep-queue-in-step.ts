import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Ensures that a command has a row in the queue exactly while it is queued, whatever release writes it. Releases from
 * before the queue tables write only to `commands`: commands queued by them were never admitted by newer ones, and
 * commands started by them stayed in the queue.
 */
export class KeepQueueInStep1790000100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TRIGGER commands_leave_queue ON commands');
    await runner.query('DROP TRIGGER commands_enter_queue ON commands');
    await runner.query('DROP FUNCTION keep_queue_in_step');
  }
}

const STATEMENTS = [
  // A release that knows the queue has written to it in the same statement, which an AFTER trigger sees: then there is
  // nothing to do. Otherwise the position is that of AddCommandQueue1764140000000. No sequential scans: a session keeps
  // its plans, including those made while the queue was short.
  `CREATE FUNCTION keep_queue_in_step() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
  BEGIN
    IF NEW.status <> 'queued' THEN
      DELETE FROM queued_commands WHERE command_id = NEW.id;
    ELSE
      WITH entry AS (
        INSERT INTO queued_commands (command_id, project_id, key_id, lock, priority, due_at, turn, created_at, expires_at)
        VALUES (NEW.id, NEW.project_id, coalesce(NEW.key_id, ''), coalesce(NEW.lock, ''), NEW.priority,
          date_bin('300 s', NEW.created_at, 'epoch'::timestamptz) - NEW.priority * interval '300 s', 0, NEW.created_at,
          NEW.queue_expires_at)
        ON CONFLICT DO NOTHING RETURNING *
      )
      INSERT INTO queue_lanes AS lane (project_id, key_id, lock, due_at, turn, command_id)
      SELECT project_id, key_id, lock, due_at, turn, command_id FROM entry
      ON CONFLICT (project_id, key_id, lock) DO UPDATE
        SET due_at = excluded.due_at, turn = excluded.turn, command_id = excluded.command_id
        WHERE (excluded.due_at, excluded.turn, excluded.command_id) < (lane.due_at, lane.turn, lane.command_id);
    END IF;
    RETURN NULL;
  END $$`,
  `CREATE TRIGGER commands_enter_queue AFTER INSERT ON commands
   FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION keep_queue_in_step()`,
  `CREATE TRIGGER commands_leave_queue AFTER UPDATE OF status ON commands
   FOR EACH ROW WHEN (OLD.status = 'queued') EXECUTE FUNCTION keep_queue_in_step()`,
];
