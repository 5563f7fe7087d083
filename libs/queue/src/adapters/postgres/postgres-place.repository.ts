import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';
import type { QueuePlace } from '@app/commands';
import { PlaceRepository } from '../../application/place.repository.js';
import { type Waiting, estimatedWaitSeconds } from '../../domain/queue-estimate.js';

interface PlaceRow extends Omit<Waiting, 'runningMax'> {
  readonly id: string;
}

/** A mean of fewer durations says little. */
const RECENT_MIN = 3;
const RECENT_MAX = 20;

@Injectable()
export class PostgresPlaceRepository implements PlaceRepository {
  constructor(
    private readonly database: Database,
    private readonly runningMax: number,
  ) {}

  async places(ids: readonly string[]): Promise<ReadonlyMap<string, QueuePlace>> {
    const rows = await this.database.query<PlaceRow>(PLACES, [ids, RECENT_MAX, RECENT_MIN]);
    const { runningMax } = this;
    return new Map(
      rows.map((row) => {
        const { id, position } = row;
        return [
          id,
          { position, ahead: position - 1, estimatedWaitSeconds: estimatedWaitSeconds({ ...row, runningMax }) },
        ];
      }),
    );
  }
}

/**
 * A command queued after another with the same lock, or waiting for its key, is held: the wait depends on those others.
 */
const PLACES = `WITH asked AS (
    SELECT DISTINCT project_id FROM queued_commands WHERE command_id = ANY($1)
  ), placed AS (
    SELECT q.command_id, q.project_id, q.key_id, q.lock, q.created_at,
      row_number() OVER (PARTITION BY q.project_id ORDER BY q.due_at, q.turn, q.command_id)::int AS position,
      row_number() OVER (PARTITION BY q.project_id, q.lock ORDER BY q.due_at, q.turn, q.command_id) AS lock_position,
      row_number() OVER (PARTITION BY q.project_id, q.key_id ORDER BY q.due_at, q.turn, q.command_id) AS key_position
    FROM asked JOIN queued_commands q USING (project_id)
  ), known AS (
    SELECT project_id, running, mean_seconds,
      EXISTS (SELECT FROM queue_pauses p WHERE p.project_id IN ('', asked.project_id))
        OR coalesce((SELECT status FROM projects p WHERE p.id = asked.project_id), 'running') <> 'running' AS is_held
    FROM asked, LATERAL (
      SELECT count(*)::int AS running FROM commands c
      WHERE c.project_id = asked.project_id AND c.status IN ('starting', 'running')
    ) active, LATERAL (
      SELECT CASE WHEN count(*) >= $3 THEN avg(seconds)::float8 END AS mean_seconds FROM (
        SELECT extract(epoch FROM ended_at - started_at) AS seconds FROM commands c
        WHERE c.project_id = asked.project_id AND started_at IS NOT NULL AND ended_at IS NOT NULL
        ORDER BY id DESC LIMIT $2
      ) recent
    ) durations
  )
  SELECT command_id AS id, position, running, mean_seconds AS "meanSeconds",
    extract(epoch FROM now() - created_at)::float8 AS "waitedSeconds",
    is_held OR (lock <> '' AND (lock_position > 1 OR EXISTS (
      SELECT FROM commands c WHERE c.project_id = placed.project_id AND c.lock = placed.lock AND c.status IN ('starting', 'running')
    ))) OR EXISTS (
      SELECT FROM api_keys k WHERE k.id = key_id AND key_position > k.max_concurrent_commands - (
        SELECT count(*) FROM commands c WHERE c.key_id = k.id AND c.status IN ('starting', 'running'))
    ) AS "isHeld"
  FROM placed JOIN known USING (project_id) WHERE command_id = ANY($1)`;
