import { Database, likePatterns, violatedUnique } from '@app/database';
import { type Page, type PageRequest, decodeIdCursor, idFloor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type Claim, type ClaimedDelivery, DeliveryRepository } from '../../application/delivery.repository.js';
import { CONCURRENT_MAX, type Load } from '../../application/endpoint-health.js';
import type { Attempt, Delivery, DeliveryStatus, Endpoint } from '../../domain/delivery.js';
import { type Readable, TEST } from '../../domain/message.js';
import { FAILURE_LAPSE_HOURS, type Webhook } from '../../domain/webhook.js';
import { CALLBACK_ENDPOINT, CANDIDATES, IS_SENT_TO, PENDING_ENDPOINTS } from './claim-sql.js';
import { WEBHOOK_COLUMNS } from './postgres-webhook.repository.js';

const COLUMNS = `d.id, d.webhook_id AS "endpointId", CASE WHEN d.callback_url IS NOT NULL
    THEN json_build_object('url', d.callback_url, 'keyId', d.callback_key_id) END AS callback, d.message_id AS "messageId", d.type, d.project_id AS "projectId",
  d.body, d.traceparent, d.status, d.attempt_count AS "attemptCount", date_trunc('milliseconds', d.pending_since) AS "pendingSince", d.next_attempt_at AS "nextAttemptAt",
  d.created_at AS "createdAt", d.ended_at AS "endedAt"`;

/** Due for the next claim: by the clock of the database, and not rounded up to a millisecond that has not come yet. */
const AT_ONCE = "date_trunc('milliseconds', now())";
const PENDING_AGAIN = `status = 'pending', attempt_count = 0, pending_since = clock_timestamp(), next_attempt_at = ${AT_ONCE}, ended_at = NULL`;
/** How often to choose again after other replicas have taken all that was chosen. */
const CHOICES_MAX = 3;
/** How often to number an attempt again after another one got the number. */
const RECORDS_MAX = 10;

interface Candidate extends Endpoint {
  readonly webhookId: string;
}

@Injectable()
export class PostgresDeliveryRepository implements DeliveryRepository {
  constructor(private readonly database: Database) {}

  async insert(deliveries: readonly Delivery[]): Promise<void> {
    const rows = deliveries.map(({ id, endpointId, callback, messageId, createdAt, ...message }) => ({
      id,
      webhook_id: endpointId,
      callback_url: callback?.url,
      callback_key_id: callback?.keyId,
      message_id: messageId,
      type: message.type,
      project_id: message.projectId,
      body: message.body,
      traceparent: message.traceparent,
      created_at: createdAt,
    }));
    await this.database.query(
      `INSERT INTO deliveries (id, webhook_id, callback_url, callback_key_id, message_id, type, project_id, body, traceparent, status,
         attempt_count, next_attempt_at, created_at)
       SELECT id, webhook_id, callback_url, callback_key_id, message_id, type, project_id, body, traceparent, 'pending', 0, ${AT_ONCE}, created_at
       FROM json_to_recordset($1) AS d(id text, webhook_id text, callback_url text, callback_key_id text, message_id text, type text, project_id text, body text,
         traceparent text,          created_at timestamptz)`,
      [JSON.stringify(rows)],
    );
  }

  /** Chooses without a lock, so that only what is claimed is locked. */
  async claim(limit: number, load: Load, leaseSeconds: number): Promise<readonly ClaimedDelivery[]> {
    for (let choice = 0; choice < CHOICES_MAX; choice++) {
      const chosen = await this.candidates(limit, load);
      if (chosen.size === 0) return [];
      // Before the claim: what is abandoned after that is as if its attempt had been under way, to the webhook as it was.
      const webhooks = await this.webhooksOf(chosen);
      const claimed = await this.lease([...chosen.keys()], leaseSeconds);
      if (claimed.length > 0) return withWebhooks(claimed, chosen, webhooks);
    }
    return [];
  }

  private async candidates(limit: number, { endpoints, origins, keys }: Load): Promise<ReadonlyMap<string, Candidate>> {
    const { perEndpoint, perOrigin, perKey } = CONCURRENT_MAX;
    const loads = [...endpoints.values()];
    const rows = await this.database.query<Candidate & { id: string }>(CANDIDATES, [
      ...[limit, perEndpoint, perOrigin, perKey],
      ...[[...endpoints.keys()], loads.map(({ running }) => running), loads.map(({ room }) => room)],
      ...[[...origins.keys()], [...origins.values()], [...keys.keys()], [...keys.values()]],
    ]);
    return new Map(rows.map(({ id, ...candidate }) => [id, candidate]));
  }

  /** Those that no other replica has claimed meanwhile. */
  private lease(ids: readonly string[], leaseSeconds: number): Promise<Delivery[]> {
    return this.database.query<Delivery>(
      `UPDATE deliveries d SET next_attempt_at = now() + make_interval(secs => $2)
       WHERE d.id IN (SELECT id FROM deliveries WHERE id = ANY($1) AND status = 'pending' AND next_attempt_at <= now()
         FOR UPDATE SKIP LOCKED)
       RETURNING ${COLUMNS}`,
      [ids, leaseSeconds],
    );
  }

  private async webhooksOf(chosen: ReadonlyMap<string, Candidate>): Promise<ReadonlyMap<string, Webhook>> {
    const webhooks = await this.database.query<Webhook>(
      `SELECT ${WEBHOOK_COLUMNS} FROM webhooks w WHERE w.id = ANY($1) AND w.enabled AND w.abandoned_before IS NULL`,
      [[...new Set(Array.from(chosen.values(), ({ webhookId }) => webhookId))]],
    );
    return new Map(webhooks.map((webhook) => [webhook.id, webhook]));
  }

  async record(claim: Claim, attempt: Attempt, status: DeliveryStatus, nextMs: number | null): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.tryRecord(claim, attempt, status, nextMs);
        return;
      } catch (error) {
        if (violatedUnique(error) !== 'delivery_attempts_pkey' || tries === RECORDS_MAX) throw error;
      }
    }
  }

  private async tryRecord(claim: Claim, attempt: Attempt, result: DeliveryStatus, nextMs: number | null) {
    const { at, status, latencyMs, excerpt, error } = attempt;
    const isCurrent = `date_trunc('milliseconds', d.pending_since) = $9`;
    const isDelivered = `($2 = 'delivered' AND ${isCurrent})`;
    const isClaimed = `(d.status = 'pending' AND d.next_attempt_at = $10 AND ${isCurrent})`;
    await this.database.query(
      `WITH changed AS (
         UPDATE deliveries d SET
           attempt_count = CASE WHEN ${isCurrent} THEN attempt_count + 1 ELSE attempt_count END,
           status = CASE WHEN ${isDelivered} OR ${isClaimed} THEN $2 ELSE d.status END,
           next_attempt_at = CASE WHEN ${isDelivered} THEN NULL
             WHEN ${isClaimed} THEN now() + make_interval(secs => $3::float8 / 1000) ELSE next_attempt_at END,
           ended_at = CASE WHEN (${isDelivered} AND d.status <> 'delivered') OR (${isClaimed} AND $2 <> 'pending')
             THEN now() ELSE ended_at END
         WHERE id = $1 AND NOT EXISTS (SELECT FROM delivery_attempts a WHERE a.delivery_id = $1 AND a.at = $4 AND a.latency_ms = $6)
         RETURNING id
       )
       INSERT INTO delivery_attempts (delivery_id, number, at, status, latency_ms, excerpt, error)
       SELECT id, (SELECT coalesce(max(number), 0) + 1 FROM delivery_attempts WHERE delivery_id = $1), $4, $5, $6, $7, $8
       FROM changed`,
      [claim.id, result, nextMs, at, status, latencyMs, excerpt, error, claim.pendingSince, claim.nextAttemptAt],
    );
  }

  async noteHealth({ id, url }: Pick<Webhook, 'id' | 'url'>, isHealthy: boolean): Promise<Date | null> {
    const lapse = `interval '${String(FAILURE_LAPSE_HOURS)} hours'`;
    // To the hour: many attempts that fail at once need not all write.
    const [row] = await this.database.query<{ since: Date | null }>(
      `UPDATE webhooks SET failed_at = CASE WHEN $3 THEN NULL ELSE now() END, failing_since = CASE WHEN $3 THEN NULL
         WHEN failed_at > now() - ${lapse} THEN coalesce(failing_since, now()) ELSE now() END
       WHERE id = $1 AND url = $2 AND ($3 OR failing_since IS NULL OR failed_at IS NULL OR failed_at < now() - interval '1 hour')
       RETURNING failing_since AS since`,
      [id, url, isHealthy],
    );
    if (row !== undefined) return row.since;
    const [known] = await this.database.query<{ since: Date | null }>(
      'SELECT failing_since AS since FROM webhooks WHERE id = $1 AND url = $2',
      [id, url],
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
    readable: Readable,
  ): Promise<Page<Delivery>> {
    const before = decodeIdCursor(cursor, 'dlv');
    const parameters = [webhookId, limit + 1];
    const bind = binder(parameters);
    const conditions = [
      ...(status === null ? [] : [`d.status = ${bind(status)}`]),
      ...(before === null ? [] : [`d.id < ${bind(before)}`]),
      whether(readable, bind),
    ];
    const rows = await this.database.query<Delivery>(
      `SELECT ${COLUMNS} FROM deliveries d
       WHERE d.webhook_id = $1 AND ${conditions.join(' AND ')} ORDER BY d.id DESC LIMIT $2`,
      parameters,
    );
    return toPage(rows, limit, ({ id }) => [id]);
  }

  async redeliver(id: string): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE deliveries SET ${PENDING_AGAIN} WHERE id = $1 AND status <> 'pending' RETURNING 1`,
      [id],
    );
    return rows.length > 0;
  }

  async recover(webhookId: string, since: Date, readable: readonly Readable[], limit: number): Promise<number> {
    const parameters = [webhookId, since, limit, idFloor('dlv', since)];
    const bind = binder(parameters);
    const rows = await this.database.query(
      `UPDATE deliveries SET ${PENDING_AGAIN} WHERE status = 'failed' AND id IN (
         SELECT d.id FROM deliveries d WHERE d.webhook_id = $1 AND d.status = 'failed' AND d.id >= $4
           AND d.created_at >= $2 AND ${readable.map((each) => whether(each, bind)).join(' AND ')}
         ORDER BY d.id LIMIT $3
       ) RETURNING 1`,
      parameters,
    );
    return rows.length;
  }

  async backlog(max: number): Promise<{ pending: number; lateSeconds: number }> {
    const [row] = await this.database.query<{ pending: number; lateSeconds: number }>(
      `WITH RECURSIVE ${PENDING_ENDPOINTS}, source AS (
         SELECT line.id FROM line LEFT JOIN webhooks w ON w.id = line.id WHERE ${IS_SENT_TO}
       )
       SELECT (SELECT count(*)::int FROM (
           SELECT FROM source JOIN LATERAL (
             SELECT FROM deliveries d WHERE d.webhook_id = source.id AND d.status = 'pending'
             ORDER BY next_attempt_at LIMIT $1
           ) AS each ON true LIMIT $1
         ) AS counted) AS pending,
         (SELECT coalesce(greatest(0, extract(epoch FROM now() - min(first.next_attempt_at))), 0)::float8
           FROM source CROSS JOIN LATERAL (
             SELECT next_attempt_at FROM deliveries d WHERE d.webhook_id = source.id AND d.status = 'pending'
             ORDER BY next_attempt_at LIMIT 1
           ) AS first) AS "lateSeconds"`,
      [max],
    );
    return row ?? { pending: 0, lateSeconds: 0 };
  }

  async endAbandoned(limit: number): Promise<number> {
    const rows = await this.database.query(
      `UPDATE deliveries SET status = 'failed', next_attempt_at = NULL, ended_at = now() WHERE id IN (
         SELECT abandoned.id FROM webhooks w CROSS JOIN LATERAL (
           SELECT id FROM deliveries d
           WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.pending_since <= w.abandoned_before
           LIMIT $1 FOR UPDATE SKIP LOCKED
         ) AS abandoned WHERE w.abandoned_before IS NOT NULL LIMIT $1
       ) RETURNING 1`,
      [limit],
    );
    if (rows.length < limit) await this.noteAbandonedEnded();
    return rows.length;
  }

  private async noteAbandonedEnded(): Promise<void> {
    await this.database.query(
      `UPDATE webhooks w SET abandoned_before = NULL WHERE abandoned_before IS NOT NULL AND NOT EXISTS (
         SELECT FROM deliveries d
         WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.pending_since <= w.abandoned_before)`,
    );
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

function withWebhooks(
  claimed: readonly Delivery[],
  chosen: ReadonlyMap<string, Candidate>,
  webhooks: ReadonlyMap<string, Webhook>,
): readonly ClaimedDelivery[] {
  return claimed.flatMap((delivery) => {
    const webhook = webhooks.get(delivery.endpointId) ?? null;
    const candidate = chosen.get(delivery.id);
    // A webhook may have been removed or disabled meanwhile.
    if (candidate === undefined || (webhook === null && delivery.callback === null)) return [];
    const { keyId, origin } = candidate;
    return [{ delivery, endpoint: { keyId, origin }, webhook }];
  });
}

/** Adds parameters to a statement. */
function binder(parameters: unknown[]): (value: unknown) => string {
  return (value) => `$${String(parameters.push(value))}`;
}

/** The condition of {@link Readable}: a message of the type `webhook.test` belongs to no project. */
function whether({ types, projects }: Readable, bind: (value: unknown) => string): string {
  const matches = projects.map((globs) => `d.project_id LIKE ANY (${bind(likePatterns(globs))}::text[])`);
  const ofProjects = matches.length === 0 ? [] : [`(d.type = '${TEST}' OR (${matches.join(' AND ')}))`];
  return [`d.type = ANY (${bind(types)}::text[])`, ...ofProjects].join(' AND ');
}
