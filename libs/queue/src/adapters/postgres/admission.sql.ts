import { STARTUP_BYTES_MAX } from '@app/execution';
import { SUMMARY_COLUMNS } from '@app/commands';

/**
 * The next lanes after a position that have a command able to run, each with its first commands: at most $4 lanes and
 * $5 commands per lane. The conditions are key look-ups or probe a hash of the active commands, and are not joins, so
 * that PostgreSQL walks the index in order and stops at the limit. Aged commands of limited keys are included even if
 * they cannot run, since they may hold a slot.
 */
export const CANDIDATES = `
  WITH busy AS (
    SELECT project_id, coalesce(key_id, '') AS key_id, coalesce(lock, '') AS lock, count(*)::int AS running
    FROM commands WHERE status IN ('starting', 'running') GROUP BY 1, 2, 3
  ), busy_project AS (
    SELECT project_id AS id, sum(running)::int AS running FROM busy GROUP BY 1
  ), busy_key AS (
    SELECT key_id AS id, sum(running)::int AS running,
      (SELECT max_concurrent_commands FROM api_keys k WHERE k.id = key_id) AS running_max
    FROM busy GROUP BY 1
  )
  SELECT lane.project_id AS "projectId", lane.key_id AS "keyId", lane.lock, lane.due_at AS "laneDueAt", lane.turn AS "laneTurn",
    lane.command_id AS "laneId", (SELECT max_concurrent_commands FROM api_keys k WHERE k.id = lane.key_id) AS "keyMax",
    coalesce((SELECT running FROM busy_project b WHERE b.id = lane.project_id), 0) AS "projectRunning",
    coalesce((SELECT running FROM busy_key b WHERE b.id = lane.key_id), 0) AS "keyRunning",
    (SELECT sum(running)::int FROM busy) AS running, (SELECT number FROM admission_round WHERE id) AS round,
    q.command_id AS id, q.due_at AS "dueAt", q.turn, q.due_at <= now() - make_interval(secs => $6) AS "isAged"
  FROM (
    SELECT * FROM queue_lanes l
    WHERE (due_at, turn, command_id) > ($1::timestamptz, $2::int, $3::text)
      AND (project_id, lock) NOT IN (SELECT project_id, lock FROM busy WHERE lock <> '')
      AND (project_id NOT IN (SELECT id FROM busy_project WHERE running >= $7)
          AND key_id NOT IN (SELECT id FROM busy_key WHERE running >= running_max)
        OR due_at <= now() - make_interval(secs => $6)
          AND (SELECT max_concurrent_commands FROM api_keys k WHERE k.id = l.key_id) IS NOT NULL)
      AND (SELECT min(paused_at) FROM queue_pauses p WHERE p.project_id = '') IS NULL
      AND (SELECT min(paused_at) FROM queue_pauses p WHERE p.project_id = l.project_id) IS NULL
      AND coalesce((SELECT status FROM projects p WHERE p.id = l.project_id), 'running') = 'running'
    ORDER BY due_at, turn, command_id LIMIT $4
  ) lane LEFT JOIN LATERAL (
    SELECT command_id, due_at, turn FROM queued_commands q
    WHERE q.project_id = lane.project_id AND q.key_id = lane.key_id AND q.lock = lane.lock
      AND (expires_at IS NULL OR expires_at > now())
    ORDER BY due_at, turn, command_id LIMIT CASE lane.lock WHEN '' THEN $5 ELSE 1 END
  ) q ON true
  ORDER BY lane.due_at, lane.turn, lane.command_id`;

/**
 * Leases the selected commands, unless another admission came after the candidates were read: incrementing the round
 * locks its row until the commit, and the next admission then finds another number. Binds commands that name no
 * container to the project's default instance. Returns at least one row, or none if another admission came first. Skips
 * commands that are just being cancelled or moved.
 */
export const START = `
  WITH round AS (
    UPDATE admission_round SET number = number + 1 WHERE id AND number = $4 RETURNING number
  ), entry AS (
    DELETE FROM queued_commands WHERE EXISTS (SELECT FROM round) AND command_id IN (
      SELECT command_id FROM queued_commands WHERE command_id = ANY ($1) FOR UPDATE SKIP LOCKED
    ) RETURNING command_id
  ), started AS (
    UPDATE commands SET status = 'starting', admitted_at = clock_timestamp(), lease_owner = $2,
      lease_expires_at = clock_timestamp() + make_interval(secs => $3), instance = CASE WHEN outline->>'container' IS NULL THEN chosen.place END
    FROM unnest($1::text[], $5::json[]) AS chosen (command_id, place)
    WHERE id = ANY ($1) AND id = chosen.command_id AND id IN (SELECT command_id FROM entry) AND status = 'queued'
    RETURNING ${SUMMARY_COLUMNS}, (
      SELECT json_build_object('spec', spec, 'environment', env)
      FROM (SELECT coalesce((SELECT env FROM projects p WHERE p.id = project_id), '{}') AS env) project
      WHERE octet_length(spec::text) + octet_length(env::text) <= ${String(STARTUP_BYTES_MAX)}
    ) AS startup
  )
  SELECT started.* FROM round LEFT JOIN started ON true`;

const LANES = 'unnest($1::text[], $2::text[], $3::text[]) AS lane (project_id, key_id, lock)';

export const LOCK_LANES = `
  SELECT l.project_id AS "projectId", l.key_id AS "keyId", l.lock
  FROM ${LANES} JOIN queue_lanes l USING (project_id, key_id, lock) FOR UPDATE OF l SKIP LOCKED`;

export const COMPACT_LANES = `
  WITH present AS (
    SELECT lane.*, head.* FROM ${LANES} LEFT JOIN LATERAL (
      SELECT due_at, turn, command_id FROM queued_commands q
      WHERE q.project_id = lane.project_id AND q.key_id = lane.key_id AND q.lock = lane.lock
      ORDER BY due_at, turn, command_id LIMIT 1
    ) head ON true
  ), gone AS (
    DELETE FROM queue_lanes l USING present p
    WHERE (l.project_id, l.key_id, l.lock) = (p.project_id, p.key_id, p.lock) AND p.command_id IS NULL
  )
  UPDATE queue_lanes l SET due_at = p.due_at, turn = p.turn, command_id = p.command_id FROM present p
  WHERE (l.project_id, l.key_id, l.lock) = (p.project_id, p.key_id, p.lock) AND p.command_id IS NOT NULL`;

export const OVERDUE = `
  SELECT command_id AS id FROM queued_commands WHERE expires_at <= now() ORDER BY expires_at LIMIT $1`;
