import { Database } from '@app/database';
import { type Page, type PageRequest, decodeCursor, idFloor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type CommandFilter, CommandRepository, type HeldLease } from '../../application/command.repository.js';
import type { Command, Instance, NewCommand } from '../../domain/command.js';
import type { Ending } from '../../domain/result.js';
import { COMMAND_COLUMNS, type CommandRow, toCommand, toRank } from './command.mapper.js';

/** Ids are made by the clock of a replica, times by the database's: ids only narrow a search by time. */
const CLOCKS_DIFFER_MS = 3_600_000;

const HELD = `status IN ('starting', 'running') AND lease_owner = $2`;

/** Waiting time is the difference of two of the database's own times. */
const ENDING = `status = $3, ended_at = clock_timestamp(), lease_owner = NULL, lease_expires_at = NULL, unreachable_since = NULL,
  result = json_build_object('queueMs', (extract(epoch FROM coalesce(admitted_at, clock_timestamp()) - created_at) * 1000)::bigint)::jsonb || $4::jsonb`;

@Injectable()
export class TypeormCommandRepository extends CommandRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async enqueue(command: NewCommand, queuedMax: number): Promise<boolean> {
    const { id, projectId, keyId, spec, labels, priority, lock, traceparent, queueTimeoutSeconds } = command;
    // The count runs over an index of queued commands only; under concurrency it may be passed by the few in flight.
    const rows = await this.database.query(
      `INSERT INTO commands (id, project_id, key_id, type, spec, labels, status, priority, lock, trace, queue_expires_at)
       SELECT $1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9, now() + make_interval(secs => $10)
       WHERE (SELECT count(*) FROM commands WHERE project_id = $2 AND status = 'queued') < $11 RETURNING id`,
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
      ],
    );
    return rows.length === 1;
  }

  async countQueued(projectId: string): Promise<number> {
    const [row] = await this.database.query<{ count: string }>(
      `SELECT count(*) FROM commands WHERE project_id = $1 AND status = 'queued'`,
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
    return this.one(`UPDATE commands SET ${ENDING} WHERE id = $1 AND status = $2 RETURNING ${COMMAND_COLUMNS}`, [
      id,
      'queued',
      status,
      JSON.stringify(result),
    ]);
  }

  requestCancel(id: string, graceSeconds: number): Promise<Command | null> {
    return this.one(
      `UPDATE commands SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp()),
         cancel_grace_seconds = least(cancel_grace_seconds, $2)
       WHERE id = $1 AND status IN ('starting', 'running') RETURNING ${COMMAND_COLUMNS}`,
      [id, graceSeconds],
    );
  }

  async unended(projectId: string): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM commands WHERE project_id = $1 AND status IN ('queued', 'starting', 'running')`,
      [projectId],
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
