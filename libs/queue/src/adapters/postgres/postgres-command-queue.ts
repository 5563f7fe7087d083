import {
  type Command,
  CommandQueue,
  type CommandSummary,
  ENDED_COLUMNS,
  ENDING,
  type EndedCommand,
  type EndedRow,
  type Ending,
  type NewCommand,
  type Priority,
  type QueueRules,
  SUMMARY_COLUMNS,
  type SummaryRow,
  hasInput,
  outlineOf,
  toEnded,
  toRank,
  toSummary,
} from '@app/commands';
import { Database, LOCKS, NOW } from '@app/database';
import { Injectable } from '@nestjs/common';

/**
 * Position of `queued` in the queue: see queue-order.ts. The turn is one more than that of the same key's last command,
 * but at least the lowest turn of its equals.
 * @param aging the parameter with the seconds, such as `$3`
 */
const place = (aging: string): string => `
  SELECT queued.*, due_at, greatest(
    1 + (SELECT max(q.turn) FROM queued_commands q
         WHERE q.project_id = queued.project_id AND q.due_at = due.due_at AND q.key_id = queued.key_id AND q.command_id <> queued.command_id),
    (SELECT min(q.turn) FROM queued_commands q
     WHERE q.project_id = queued.project_id AND q.due_at = due.due_at AND q.command_id <> queued.command_id),
    0) AS turn
  FROM queued, LATERAL (
    SELECT date_bin(make_interval(secs => ${aging}), created_at, 'epoch'::timestamptz) - priority * make_interval(secs => ${aging}) AS due_at
  ) due`;

/**
 * Makes sure that the lane of `entry` exists and its head is not later. Its row stays locked until the commit, so
 * admission cannot remove it.
 */
const LANE = `
  INSERT INTO queue_lanes AS lane (project_id, key_id, lock, due_at, turn, command_id)
  SELECT project_id, key_id, lock, due_at, turn, command_id FROM entry
  ON CONFLICT (project_id, key_id, lock) DO UPDATE
    SET due_at = excluded.due_at, turn = excluded.turn, command_id = excluded.command_id
    WHERE (excluded.due_at, excluded.turn, excluded.command_id) < (lane.due_at, lane.turn, lane.command_id)`;

@Injectable()
export class PostgresCommandQueue implements CommandQueue {
  constructor(private readonly database: Database) {}

  enqueue(command: NewCommand, { queuedMax, agingSeconds }: QueueRules): Promise<Command | null> {
    const { id, projectId, keyId, spec, labels, priority, lock, traceparent, queueTimeoutSeconds, creator } = command;
    return this.database.run(async () => {
      await this.lockQueueOf(projectId);
      const queued = await this.one(
        `WITH queued AS (
           SELECT $1::text AS command_id, $2::text AS project_id, coalesce($3::text, '') AS key_id, coalesce($8::text, '') AS lock,
             $7::smallint AS priority, ${NOW} AS created_at, ${NOW} + make_interval(secs => $10) AS expires_at
           WHERE (SELECT count(*) FROM queued_commands WHERE project_id = $2) < $11
         ), entry AS (
           INSERT INTO queued_commands (command_id, project_id, key_id, lock, priority, created_at, expires_at, due_at, turn)
           ${place('$12')} RETURNING *
         ), lane AS (${LANE})
         INSERT INTO commands (id, project_id, key_id, type, spec, outline, labels, status, priority, lock, trace, created_at, queue_expires_at, has_input, actor)
         SELECT command_id, project_id, $3, $4, $5, $13, $6, 'queued', priority, $8, $9, created_at, expires_at, $14, $15 FROM entry
         RETURNING ${SUMMARY_COLUMNS}`,
        [
          id,
          projectId,
          keyId,
          spec.work.type,
          JSON.stringify(spec),
          JSON.stringify(labels),
          toRank(priority),
          lock,
          traceparent,
          queueTimeoutSeconds,
          queuedMax,
          agingSeconds,
          JSON.stringify(outlineOf(spec)),
          hasInput(spec),
          JSON.stringify(creator),
        ],
      );
      return queued && { ...queued, spec };
    });
  }

  reprioritize(id: string, priority: Priority, { agingSeconds }: QueueRules): Promise<CommandSummary | null> {
    return this.database.run(async () => {
      const command = await this.one(`SELECT ${SUMMARY_COLUMNS} FROM commands WHERE id = $1`, [id]);
      if (command?.status !== 'queued') return null;
      await this.lockQueueOf(command.projectId);
      return this.one(
        `WITH queued AS (
           SELECT command_id, project_id, key_id, $2::smallint AS priority, created_at FROM queued_commands WHERE command_id = $1 FOR UPDATE
         ), placed AS (${place('$3')}
         ), entry AS (
           UPDATE queued_commands q SET priority = placed.priority, due_at = placed.due_at, turn = placed.turn
           FROM placed WHERE q.command_id = placed.command_id RETURNING q.*
         ), lane AS (${LANE}
         ), changed AS (
           UPDATE commands SET priority = $2 WHERE id = $1 AND status = 'queued' AND EXISTS (SELECT FROM entry) RETURNING *
         )
         SELECT ${SUMMARY_COLUMNS} FROM changed`,
        [id, toRank(priority), agingSeconds],
      );
    });
  }

  async countQueued(projectId: string): Promise<number> {
    const [row] = await this.database.query<{ count: string }>(
      'SELECT count(*) FROM queued_commands WHERE project_id = $1',
      [projectId],
    );
    return Number(row?.count);
  }

  async endQueued(id: string, { status, result }: Ending): Promise<EndedCommand | null> {
    // The queue's row first, as in admission: the transaction that locks it decides what happens to the command.
    const [row] = await this.database.query<EndedRow>(
      `WITH entry AS (
         DELETE FROM queued_commands WHERE command_id = $1 RETURNING command_id
       ), ended AS (
         UPDATE commands SET ${ENDING} WHERE id = $1 AND status = $2 AND (SELECT count(*) FROM entry) >= 0 RETURNING *
       )
       SELECT ${ENDED_COLUMNS} FROM ended`,
      [id, 'queued', status, JSON.stringify(result)],
    );
    return row === undefined ? null : toEnded(row);
  }

  private async lockQueueOf(projectId: string): Promise<void> {
    await this.database.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCKS.projectQueue, projectId]);
  }

  private async one(sql: string, parameters: readonly unknown[]): Promise<CommandSummary | null> {
    const [row] = await this.database.query<SummaryRow>(sql, parameters);
    return row === undefined ? null : toSummary(row);
  }
}
