import { Database } from '@app/database';
import { type Page, type PageRequest, decodeCursor, idFloor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import {
  type CommandFilter,
  CommandRepository,
  type HeldLease,
  type QueueRules,
} from '../../application/command.repository.js';
import type { Command, Instance, NewCommand, Priority } from '../../domain/command.js';
import type { Ending } from '../../domain/result.js';
import { COMMAND_COLUMNS, type CommandRow, toCommand, toRank } from './command.mapper.js';

/** Ids are made by the clock of a replica, times by the database's: ids only narrow a search by time. */
const CLOCKS_DIFFER_MS = 3_600_000;

const HELD = `status IN ('starting', 'running') AND lease_owner = $2`;

/** Waiting time is the difference of two of the database's own times. */
const ENDING = `status = $3, ended_at = clock_timestamp(), lease_owner = NULL, lease_expires_at = NULL, unreachable_since = NULL,
  result = json_build_object('queueMs', (extract(epoch FROM coalesce(admitted_at, clock_timestamp()) - created_at) * 1000)::bigint)::jsonb || $4::jsonb`;

/** Whoever adds to the queue of a project, or reorders it, does so alone: what it counts stays true until its commit. */
const PROJECT_QUEUE_LOCK = 7_236_874;

/**
 * The place of `queued` in the queue: see queue-order.ts. The turn is the one after the last of the same key, but not
 * before the turn that its equals have come to.
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

/** The lane of `entry` is there and begins no later; its row stays locked until the commit, so admission cannot take it away. */
const LANE = `
  INSERT INTO queue_lanes AS lane (project_id, key_id, lock, due_at, turn, command_id)
  SELECT project_id, key_id, lock, due_at, turn, command_id FROM entry
  ON CONFLICT (project_id, key_id, lock) DO UPDATE
    SET due_at = excluded.due_at, turn = excluded.turn, command_id = excluded.command_id
    WHERE (excluded.due_at, excluded.turn, excluded.command_id) < (lane.due_at, lane.turn, lane.command_id)`;

@Injectable()
export class TypeormCommandRepository extends CommandRepository {
  constructor(private readonly database: Database) {
    super();
  }

  enqueue(command: NewCommand, { queuedMax, agingSeconds }: QueueRules): Promise<Command | null> {
    const { id, projectId, keyId, spec, labels, priority, lock, traceparent, queueTimeoutSeconds } = command;
    return this.database.run(async () => {
      await this.lockQueueOf(projectId);
      return this.one(
        `WITH queued AS (
           SELECT $1::text AS command_id, $2::text AS project_id, coalesce($3::text, '') AS key_id, coalesce($8::text, '') AS lock,
             $7::smallint AS priority, now()::timestamptz(3) AS created_at, (now() + make_interval(secs => $10))::timestamptz(3) AS expires_at
           WHERE (SELECT count(*) FROM queued_commands WHERE project_id = $2) < $11
         ), entry AS (
           INSERT INTO queued_commands (command_id, project_id, key_id, lock, priority, created_at, expires_at, due_at, turn)
           ${place('$12')} RETURNING *
         ), lane AS (${LANE})
         INSERT INTO commands (id, project_id, key_id, type, spec, labels, status, priority, lock, trace, created_at, queue_expires_at)
         SELECT command_id, project_id, $3, $4, $5, $6, 'queued', priority, $8, $9, created_at, expires_at FROM entry
         RETURNING ${COMMAND_COLUMNS}`,
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
        ],
      );
    });
  }

  reprioritize(id: string, priority: Priority, { agingSeconds }: QueueRules): Promise<Command | null> {
    return this.database.run(async () => {
      const command = await this.findById(id);
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
         SELECT ${COMMAND_COLUMNS} FROM changed`,
        [id, toRank(priority), agingSeconds],
      );
    });
  }

  private async lockQueueOf(projectId: string): Promise<void> {
    await this.database.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [PROJECT_QUEUE_LOCK, projectId]);
  }

  async countQueued(projectId: string): Promise<number> {
    const [row] = await this.database.query<{ count: string }>(
      'SELECT count(*) FROM queued_commands WHERE project_id = $1',
      [projectId],
    );
    return Number(row?.count);
  }

  findById(id: string): Promise<Command | null> {
    return this.one(`SELECT ${COMMAND_COLUMNS} FROM commands WHERE id = $1`, [id]);
  }

  async list(filter: CommandFilter, { limit, cursor }: PageRequest): Promise<Page<Command>> {
    const [before] = cursor === undefined ? [null] : decodeCursor(cursor, 'string');
    const globs = filter.visibleProjects?.map((glob) => glob.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')) ?? null;
    const rows = await this.database.query<CommandRow>(
      `SELECT ${COMMAND_COLUMNS} FROM commands
       WHERE ($1::text IS NULL OR id < $1) AND ($2::text IS NULL OR project_id = $2)
         AND ($3::text[] IS NULL OR status = ANY($3)) AND ($4::text IS NULL OR type = $4)
         AND ($5::text IS NULL OR key_id = $5) AND labels @> $6::jsonb
         AND ($7::text IS NULL OR id >= $7) AND ($10::timestamptz IS NULL OR created_at >= $10) AND ($8::text[] IS NULL OR project_id LIKE ANY($8))
       ORDER BY id DESC LIMIT $9`,
      [
        before,
        filter.projectId ?? null,
        filter.statuses ?? null,
        filter.type ?? null,
        filter.keyId ?? null,
        JSON.stringify(filter.labels),
        filter.since === undefined ? null : idFloor('cmd', new Date(filter.since.getTime() - CLOCKS_DIFFER_MS)),
        globs,
        limit + 1,
        filter.since ?? null,
      ],
    );
    return toPage(rows.map(toCommand), limit, ({ id }) => [id]);
  }

  async bind(id: string, owner: string, instance: Instance): Promise<Instance | null> {
    const [row] = await this.database.query<{ instance: Instance }>(
      `UPDATE commands SET instance = coalesce(instance, $3::json) WHERE id = $1 AND ${HELD} RETURNING instance`,
      [id, owner, JSON.stringify(instance)],
    );
    return row?.instance ?? null;
  }

  async markRunning(id: string, owner: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE commands SET status = 'running', started_at = clock_timestamp()
       WHERE id = $1 AND lease_owner = $2 AND status = 'starting' RETURNING id`,
      [id, owner],
    );
    return rows.length === 1;
  }

  async markReachable(id: string, owner: string, reachable: boolean): Promise<number> {
    const [row] = await this.database.query<{ seconds: number }>(
      `UPDATE commands SET unreachable_since = CASE WHEN $3 THEN NULL ELSE coalesce(unreachable_since, now()) END
       WHERE id = $1 AND ${HELD} RETURNING coalesce(extract(epoch FROM now() - unreachable_since), 0)::float8 AS seconds`,
      [id, owner, reachable],
    );
    return row?.seconds ?? 0;
  }

  end(id: string, owner: string, { status, result }: Ending): Promise<Command | null> {
    return this.one(`UPDATE commands SET ${ENDING} WHERE id = $1 AND ${HELD} RETURNING ${COMMAND_COLUMNS}`, [
      id,
      owner,
      status,
      JSON.stringify(result),
    ]);
  }

  endQueued(id: string, { status, result }: Ending): Promise<Command | null> {
    // The queue's row first, as admission does: whoever has it decides about the command.
    return this.one(
      `WITH entry AS (
         DELETE FROM queued_commands WHERE command_id = $1 RETURNING command_id
       ), ended AS (
         UPDATE commands SET ${ENDING} WHERE id = $1 AND status = $2 AND (SELECT count(*) FROM entry) >= 0 RETURNING *
       )
       SELECT ${COMMAND_COLUMNS} FROM ended`,
      [id, 'queued', status, JSON.stringify(result)],
    );
  }

  requestCancel(id: string, graceSeconds: number): Promise<Command | null> {
    return this.one(
      `UPDATE commands SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
         cancel_grace_seconds = least(cancel_grace_seconds, $2)
       WHERE id = $1 AND status IN ('starting', 'running') RETURNING ${COMMAND_COLUMNS}`,
      [id, graceSeconds],
    );
  }

  async unended(projectId: string, before: Date | null = null): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM commands WHERE project_id = $1 AND status IN ('queued', 'starting', 'running')
         AND ($2::timestamptz IS NULL OR created_at < $2)`,
      [projectId, before],
    );
    return rows.map(({ id }) => id);
  }

  async renewLeases(ids: readonly string[], owner: string, leaseSeconds: number): Promise<readonly HeldLease[]> {
    return this.database.query<HeldLease>(
      `UPDATE commands SET lease_expires_at = now() + make_interval(secs => $3) WHERE id = ANY($1) AND ${HELD}
       RETURNING id, CASE WHEN cancel_requested_at IS NOT NULL THEN cancel_grace_seconds END AS "cancelGraceSeconds"`,
      [ids, owner, leaseSeconds],
    );
  }

  async releaseLeases(ids: readonly string[], owner: string): Promise<void> {
    await this.database.query(`UPDATE commands SET lease_expires_at = now() WHERE id = ANY($1) AND ${HELD}`, [
      ids,
      owner,
    ]);
  }

  async takeOver(owner: string, leaseSeconds: number, max: number): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `UPDATE commands SET lease_owner = $1, lease_expires_at = now() + make_interval(secs => $2)
       WHERE id IN (
         SELECT id FROM commands WHERE status IN ('starting', 'running') AND lease_expires_at <= now()
         ORDER BY lease_expires_at LIMIT $3 FOR UPDATE SKIP LOCKED
       ) RETURNING id`,
      [owner, leaseSeconds, max],
    );
    return rows.map(({ id }) => id);
  }

  private async one(sql: string, parameters: readonly unknown[]): Promise<Command | null> {
    const [row] = await this.database.query<CommandRow>(sql, parameters);
    return row === undefined ? null : toCommand(row);
  }
}
