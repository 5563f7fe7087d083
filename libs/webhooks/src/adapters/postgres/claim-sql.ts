/** Matches what `callbackEndpoint` returns, and no id of a webhook. */
export const CALLBACK_ENDPOINT = 'key%';

/** The first of each webhook or callback endpoint with pending deliveries, by looking for the next one each time. */
export const PENDING_ENDPOINTS = `line AS (
  (SELECT webhook_id AS id FROM deliveries WHERE status = 'pending' ORDER BY webhook_id LIMIT 1)
  UNION ALL
  SELECT (SELECT later.webhook_id FROM deliveries later WHERE later.status = 'pending'
    AND later.webhook_id > line.id ORDER BY later.webhook_id LIMIT 1)
  FROM line WHERE line.id IS NOT NULL
)`;

/** Of those, the ones to which messages are sent. */
export const IS_SENT_TO = `(line.id LIKE '${CALLBACK_ENDPOINT}' OR (w.enabled AND w.abandoned_before IS NULL))`;

/** Of what the previous release wrote. */
const ORIGIN = `coalesce(w.origin, lower(substring(w.url FROM '^[^:]+://[^/?#]+')), w.id)`;

/**
 * What to claim, without a lock: an attempt's `turn` is how many its endpoint has under way with it. If there are enough
 * endpoints, only the first delivery of each is looked at.
 * Parameters: $1 limit; $2 to $4 the most per endpoint, origin and key; $5 to $7 names, running and room of endpoints;
 * $8 and $9 origins, $10 and $11 keys with what they have under way.
 */
export const CANDIDATES = `
  WITH RECURSIVE ${PENDING_ENDPOINTS}, source AS (
    SELECT line.id AS webhook_id, coalesce(w.key_id, split_part(line.id, ' ', 1)) AS key_id,
      CASE WHEN w.id IS NULL THEN split_part(line.id, ' ', 2) ELSE ${ORIGIN} END AS origin
    FROM line LEFT JOIN webhooks w ON w.id = line.id WHERE ${IS_SENT_TO}
  ), room AS (
    SELECT source.*, coalesce(e.running, 0) AS e_running, coalesce(e.room, $2) AS e_room,
      $3 - coalesce(o.running, 0) AS o_room, coalesce(k.running, 0) AS k_running, $4 - coalesce(k.running, 0) AS k_room
    FROM source
    LEFT JOIN unnest($5::text[], $6::int[], $7::int[]) AS e(name, running, room) ON e.name = source.key_id || ' ' || source.origin
    LEFT JOIN unnest($8::text[], $9::int[]) AS o(name, running) ON o.name = source.origin
    LEFT JOIN unnest($10::text[], $11::int[]) AS k(name, running) ON k.name = source.key_id
  ), head AS MATERIALIZED (
    SELECT room.*, count(*) OVER () AS heads
    FROM room CROSS JOIN LATERAL (
      SELECT FROM deliveries d
      WHERE d.webhook_id = room.webhook_id AND d.status = 'pending' AND d.next_attempt_at <= now()
      ORDER BY d.next_attempt_at LIMIT 1
    ) AS first WHERE least(e_room, o_room, k_room) > 0
  ), of_endpoint AS (
    SELECT head.*, due.id, due.next_attempt_at,
      row_number() OVER (PARTITION BY key_id, origin ORDER BY due.next_attempt_at, due.id) AS place
    FROM head CROSS JOIN LATERAL (
      SELECT id, next_attempt_at FROM deliveries d
      WHERE d.webhook_id = head.webhook_id AND d.status = 'pending' AND d.next_attempt_at <= now()
      ORDER BY d.next_attempt_at LIMIT CASE WHEN heads >= $1 THEN 1 ELSE least(e_room, o_room, k_room) END
    ) AS due
  ), of_origin AS (
    SELECT *, e_running + place AS turn,
      row_number() OVER (PARTITION BY origin ORDER BY e_running + place, k_running, next_attempt_at, id) AS o_place
    FROM of_endpoint WHERE place <= e_room
  ), of_key AS (
    SELECT *, row_number() OVER (PARTITION BY key_id ORDER BY turn, next_attempt_at, id) AS k_place
    FROM of_origin WHERE o_place <= o_room
  )
  SELECT id, webhook_id AS "webhookId", key_id AS "keyId", origin FROM of_key WHERE k_place <= k_room
  ORDER BY turn, k_running + k_place, next_attempt_at, id LIMIT $1`;
