import { Database } from '@app/database';
import { type Page, type PageRequest, decodeIdCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type Capacity, type ClaimedDelivery, DeliveryRepository } from '../../application/delivery.repository.js';
import type { Attempt, Delivery, DeliveryStatus } from '../../domain/delivery.js';
import type { Webhook } from '../../domain/webhook.js';
import { WEBHOOK_COLUMNS } from './postgres-webhook.repository.js';

const COLUMNS = `d.id, d.webhook_id AS "endpointId", CASE WHEN d.callback_url IS NOT NULL
    THEN json_build_object('url', d.callback_url, 'keyId', d.callback_key_id) END AS callback, d.message_id AS "messageId", d.type, d.project_id AS "projectId",
  d.body, d.status, d.attempt_count AS "attemptCount", d.next_attempt_at AS "nextAttemptAt",
  d.created_at AS "createdAt", d.ended_at AS "endedAt"`;

/** Matches what `callbackEndpoint` returns, and no id of a webhook. */
const CALLBACK_ENDPOINT = 'key%';
/** Due for the next claim: by the clock of the database, and not rounded up to a millisecond that has not come yet. */
const AT_ONCE = "date_trunc('milliseconds', now())";

@Injectable()
export class PostgresDeliveryRepository implements DeliveryRepository {
  constructor(private readonly database: Database) {}

  async insert(deliveries: readonly Delivery[]): Promise<void> {
    const rows = deliveries.map(({ id, endpointId, callback, messageId, type, projectId, body, createdAt }) => ({
      id,
      webhook_id: endpointId,
      callback_url: callback?.url,
      callback_key_id: callback?.keyId,
      message_id: messageId,
      type,
      project_id: projectId,
      body,
      created_at: createdAt,
    }));
    await this.database.query(
      `INSERT INTO deliveries (id, webhook_id, callback_url, callback_key_id, message_id, type, project_id, body, status,
         attempt_count, next_attempt_at, created_at)
       SELECT id, webhook_id, callback_url, callback_key_id, message_id, type, project_id, body, 'pending', 0, ${AT_ONCE}, created_at
       FROM json_to_recordset($1) AS d(id text, webhook_id text, callback_url text, callback_key_id text, message_id text, type text, project_id text, body text,
         created_at timestamptz)`,
      [JSON.stringify(rows)],
    );
  }

  async claim(limit: number, { slots, of }: Capacity, leaseSeconds: number): Promise<readonly ClaimedDelivery[]> {
    const rows = await this.database.query<Delivery>(
      `UPDATE deliveries d SET next_attempt_at = now() + make_interval(secs => $5)
       FROM (
         WITH RECURSIVE endpoint AS (
           (SELECT webhook_id AS id FROM deliveries WHERE status = 'pending' ORDER BY webhook_id LIMIT 1)
           UNION ALL
           SELECT (SELECT later.webhook_id FROM deliveries later WHERE later.status = 'pending'
             AND later.webhook_id > endpoint.id ORDER BY later.webhook_id LIMIT 1)
           FROM endpoint WHERE endpoint.id IS NOT NULL
         ), room AS (
           SELECT endpoint.id, coalesce(given.room, $2) AS room FROM endpoint
           LEFT JOIN webhooks w ON w.id = endpoint.id
           LEFT JOIN unnest($3::text[], $4::int[]) AS given(id, room) ON given.id = endpoint.id
           WHERE (w.enabled OR endpoint.id LIKE '${CALLBACK_ENDPOINT}') AND coalesce(given.room, $2) > 0
         )
         SELECT next.id FROM room CROSS JOIN LATERAL (
           SELECT due.id, due.next_attempt_at FROM deliveries due
           WHERE due.webhook_id = room.id AND due.status = 'pending' AND due.next_attempt_at <= now()
           ORDER BY due.next_attempt_at LIMIT room.room FOR UPDATE SKIP LOCKED
         ) AS next ORDER BY next.next_attempt_at LIMIT $1
       ) AS claimed
       WHERE d.id = claimed.id RETURNING ${COLUMNS}`,
      [limit, slots, [...of.keys()], [...of.values()], leaseSeconds],
    );
    if (rows.length === 0) return [];
    const webhooks = await this.database.query<Webhook>(
      `SELECT ${WEBHOOK_COLUMNS} FROM webhooks w WHERE w.id = ANY($1)`,
      [[...new Set(rows.map(({ endpointId }) => endpointId))]],
    );
    const byId = new Map(webhooks.map((webhook) => [webhook.id, webhook]));
    return rows.flatMap((delivery) => {
      const webhook = byId.get(delivery.endpointId) ?? null;
      // A webhook may have been removed meanwhile.
      return webhook === null && delivery.callback === null ? [] : [{ delivery, webhook }];
    });
  }

  async record(id: string, attempt: Attempt, status: DeliveryStatus, nextMs: number | null): Promise<void> {
    const { at, status: responded, latencyMs, excerpt, error } = attempt;
    // A delivery that was removed, or abandoned meanwhile, stays so.
    await this.database.query(
      `WITH changed AS (
         UPDATE deliveries SET attempt_count = attempt_count + 1,
           status = CASE WHEN deliveries.status = 'failed' AND $2 = 'pending' THEN 'failed' ELSE $2 END,
           next_attempt_at = CASE WHEN deliveries.status = 'pending' AND $2 = 'pending'
             THEN now() + make_interval(secs => $3::float8 / 1000) END,
           ended_at = CASE WHEN $2 = 'pending' THEN ended_at ELSE now() END
         WHERE id = $1 RETURNING id
       )
       INSERT INTO delivery_attempts (delivery_id, number, at, status, latency_ms, excerpt, error)
       SELECT id, (SELECT count(*) + 1 FROM delivery_attempts WHERE delivery_id = $1), $4, $5, $6, $7, $8 FROM changed`,
      [id, status, nextMs, at, responded, latencyMs, excerpt, error],
    );
  }

  async noteHealth(webhookId: string, isHealthy: boolean): Promise<Date | null> {
    const [row] = await this.database.query<{ since: Date | null }>(
      `UPDATE webhooks SET failing_since = CASE WHEN $2 THEN NULL ELSE coalesce(failing_since, now()) END
       WHERE id = $1 AND ($2 OR failing_since IS NULL) RETURNING failing_since AS since`,
      [webhookId, isHealthy],
    );
    if (row !== undefined) return row.since;
    const [known] = await this.database.query<{ since: Date | null }>(
      'SELECT failing_since AS since FROM webhooks WHERE id = $1',
      [webhookId],
    );
    return known?.since ?? null;
  }

  async findById(id: string): Promise<Delivery | null> {
    const [delivery] = await this.database.query<Delivery>(`SELECT ${COLUMNS} FROM deliveries d WHERE id = $1`, [id]);
    return delivery ?? null;
  }

  attempts(id: string): Promise<readonly Attempt[]> {
    return this.database.query<Attempt>(
      `SELECT at, status, latency_ms AS "latencyMs", excerpt, error FROM delivery_attempts
       WHERE delivery_id = $1 ORDER BY number`,
      [id],
    );
  }

  async list(
    webhookId: string,
    status: DeliveryStatus | null,
    { limit, cursor }: PageRequest,
  ): Promise<Page<Delivery>> {
    const before = decodeIdCursor(cursor, 'dlv');
    const rows = await this.database.query<Delivery>(
      `SELECT ${COLUMNS} FROM deliveries d
       WHERE webhook_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR id < $3)
       ORDER BY id DESC LIMIT $4`,
      [webhookId, status, before, limit + 1],
    );
    return toPage(rows, limit, ({ id }) => [id]);
  }

  async redeliver(id: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE deliveries SET status = 'pending', attempt_count = 0, next_attempt_at = ${AT_ONCE}, ended_at = NULL
       WHERE id = $1 AND status <> 'pending' RETURNING 1`,
      [id],
    );
    return rows.length > 0;
  }

  async recover(webhookId: string, since: Date): Promise<number> {
    const rows = await this.database.query(
      `UPDATE deliveries SET status = 'pending', attempt_count = 0, next_attempt_at = ${AT_ONCE}, ended_at = NULL
       WHERE webhook_id = $1 AND status = 'failed' AND created_at >= $2 RETURNING 1`,
      [webhookId, since],
    );
    return rows.length;
  }

  async backlog(): Promise<{ pending: number; lateSeconds: number }> {
    const [row] = await this.database.query<{ pending: number; lateSeconds: number }>(
      `SELECT count(*)::int AS pending,
         coalesce(greatest(0, extract(epoch FROM now() - min(next_attempt_at))), 0)::float8 AS "lateSeconds"
       FROM deliveries d LEFT JOIN webhooks w ON w.id = d.webhook_id
       WHERE d.status = 'pending' AND (w.enabled OR d.callback_url IS NOT NULL)`,
    );
    return row ?? { pending: 0, lateSeconds: 0 };
  }

  async forgetRemoved(limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM deliveries WHERE id IN (
         WITH RECURSIVE endpoint AS (
           (SELECT webhook_id AS id FROM deliveries ORDER BY webhook_id LIMIT 1)
           UNION ALL
           SELECT (SELECT later.webhook_id FROM deliveries later WHERE later.webhook_id > endpoint.id
             ORDER BY later.webhook_id LIMIT 1)
           FROM endpoint WHERE endpoint.id IS NOT NULL
         )
         SELECT d.id FROM endpoint JOIN deliveries d ON d.webhook_id = endpoint.id
         WHERE endpoint.id NOT LIKE '${CALLBACK_ENDPOINT}' AND NOT EXISTS (SELECT FROM webhooks w WHERE w.id = endpoint.id)
         LIMIT $1
       ) RETURNING 1`,
      [limit],
    );
    return rows.length;
  }

  async forget(days: number, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM deliveries WHERE id IN (
         SELECT id FROM deliveries WHERE ended_at < now() - make_interval(days => $1) ORDER BY ended_at LIMIT $2
       ) RETURNING 1`,
      [days, limit],
    );
    return rows.length;
  }
}
