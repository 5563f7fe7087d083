/** The statements of an admission, in the order in which they run. */

/** One admission at a time; a replica that freezes in one holds up the others for 3 s and no longer. */
export const LOCK = `SELECT set_config('idle_in_transaction_session_timeout', '3s', true), pg_advisory_xact_lock($1)`;

/** What has a slot, with the limits of keys as they are now. */
export const BUSY = `
  SELECT project_id AS "projectId", coalesce(key_id, '') AS "keyId", coalesce(lock, '') AS lock, count(*)::int AS running,
    (SELECT max_concurrent_commands FROM api_keys k WHERE k.id = c.key_id) AS "keyMax"
  FROM commands c WHERE status IN ('starting', 'running') GROUP BY project_id, key_id, lock`;

/**
 * The next lanes behind a place whose commands could have a slot, each with its foremost commands: at most $4 lanes and $5
 * commands of each. The conditions look up rows by their keys and are not joins, so that PostgreSQL walks the index in its
 * order and stops at the limit. Aged commands of limited keys come along even if they cannot run: they may hold a slot.
 */
export const FOREMOST = `
  SELECT lane.project_id AS "projectId", lane.key_id AS "keyId", lane.lock, lane.due_at AS "laneDueAt", lane.turn AS "laneTurn",
    lane.command_id AS "laneId", (SELECT max_concurrent_commands FROM api_keys k WHERE k.id = lane.key_id) AS "keyMax",
    q.command_id AS id, q.due_at AS "dueAt", q.turn, q.due_at <= now() - make_interval(secs => $6) AS "isAged"
  FROM (
    SELECT * FROM queue_lanes l
    WHERE (due_at, turn, command_id) > ($1::timestamptz, $2::int, $3::text)
      AND project_id || ' ' || lock <> ALL ($9::text[])
      AND (project_id <> ALL ($7::text[]) AND key_id <> ALL ($8::text[])
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

/** Leases what was chosen. Who is just being cancelled or moved is left out. */
export const START = `
  WITH entry AS (
    DELETE FROM queued_commands WHERE command_id IN (
      SELECT command_id FROM queued_commands WHERE command_id = ANY ($1) FOR UPDATE SKIP LOCKED
    ) RETURNING command_id
  ), started AS (
    UPDATE commands SET status = 'starting', admitted_at = clock_timestamp(), lease_owner = $2,
      lease_expires_at = clock_timestamp() + make_interval(secs => $3)
    WHERE id = ANY ($1) AND id IN (SELECT command_id FROM entry) AND status = 'queued' RETURNING id
  )
  SELECT id FROM started`;

const LANES = 'unnest($1::text[], $2::text[], $3::text[]) AS lane (project_id, key_id, lock)';

export const LOCK_LANES = `
  SELECT l.project_id AS "projectId", l.key_id AS "keyId", l.lock
  FROM ${LANES} JOIN queue_lanes l USING (project_id, key_id, lock) FOR UPDATE OF l SKIP LOCKED`;

export const TIDY_LANES = `
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
