import { Database, likePatterns } from '@app/database';
import { type Page, type PageRequest, type Scope, decodeIdCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { Subscription, Webhook } from '../../domain/webhook.js';
import { WebhookRepository } from '../../application/webhook.repository.js';

/** The columns of a subscription, under the names of {@link Webhook}. */
export const WEBHOOK_COLUMNS = `w.id, w.url, w.events, w.projects, w.description, w.enabled,
  w.disabled_reason AS "disabledReason", w.key_id AS "keyId", w.secret, w.former_secret AS "formerSecret",
  w.former_secret_until AS "formerSecretUntil", w.failing_since AS "failingSince", w.created_at AS "createdAt",
  w.updated_at AS "updatedAt"`;

/** Successors that a key may have, one after the other. */
const SUCCESSORS_MAX = 100;

@Injectable()
export class PostgresWebhookRepository implements WebhookRepository {
  constructor(private readonly database: Database) {}

  async insert(webhook: Webhook): Promise<void> {
    await this.database.query(
      `INSERT INTO webhooks (id, url, events, projects, description, enabled, disabled_reason, key_id, secret,
         former_secret, former_secret_until, failing_since, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      [...changeable(webhook), webhook.createdAt, webhook.updatedAt],
    );
  }

  async findById(id: string): Promise<Webhook | null> {
    const [webhook] = await this.database.query<Webhook>(`SELECT ${WEBHOOK_COLUMNS} FROM webhooks w WHERE id = $1`, [
      id,
    ]);
    return webhook ?? null;
  }

  async lock(id: string): Promise<Webhook | null> {
    const [webhook] = await this.database.query<Webhook>(
      `SELECT ${WEBHOOK_COLUMNS} FROM webhooks w WHERE id = $1 FOR NO KEY UPDATE`,
      [id],
    );
    return webhook ?? null;
  }

  async list({ limit, cursor }: PageRequest, visible: readonly string[] | null): Promise<Page<Webhook>> {
    const before = decodeIdCursor(cursor, 'whk');
    const rows = await this.database.query<Webhook>(
      `SELECT ${WEBHOOK_COLUMNS} FROM webhooks w
       WHERE ($1::text IS NULL OR id < $1) AND ($3::text[] IS NULL OR
         projects IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(projects) AS glob WHERE NOT glob LIKE ANY ($3)))
       ORDER BY id DESC LIMIT $2`,
      [before, limit + 1, likePatterns(visible)],
    );
    return toPage(rows, limit, ({ id }) => [id]);
  }

  async update(webhook: Webhook): Promise<void> {
    await this.database.query(
      `UPDATE webhooks SET url = $2, events = $3, projects = $4, description = $5, enabled = $6, disabled_reason = $7,
         key_id = $8, secret = $9, former_secret = $10, former_secret_until = $11, failing_since = $12, updated_at = $13
       WHERE id = $1`,
      [...changeable(webhook), webhook.updatedAt],
    );
  }

  async disable(id: string, reason: string, also: () => Promise<void>): Promise<void> {
    await this.database.run(async () => {
      const changed = await this.database.query(
        `UPDATE webhooks SET enabled = false, disabled_reason = $2, updated_at = now() WHERE id = $1 AND enabled RETURNING 1`,
        [id, reason],
      );
      if (changed.length === 0) return;
      await this.database.query(
        `UPDATE deliveries SET status = 'failed', next_attempt_at = NULL, ended_at = now()
         WHERE webhook_id = $1 AND status = 'pending'`,
        [id],
      );
      await also();
    });
  }

  async remove(id: string): Promise<void> {
    await this.database.query('DELETE FROM deliveries WHERE webhook_id = $1', [id]);
    await this.database.query('DELETE FROM webhooks WHERE id = $1', [id]);
  }

  async subscriptions(): Promise<readonly Subscription[]> {
    const rows = await this.database.query<Webhook & { scopes: Scope[] | null; visible: string[] | null }>(
      `WITH RECURSIVE line AS (
         SELECT w.id AS webhook_id, w.key_id, 0 AS step FROM webhooks w WHERE w.enabled
         UNION
         SELECT line.webhook_id, k.id, step + 1 FROM line JOIN api_keys k ON k.rotated_from = line.key_id
         WHERE step < ${String(SUCCESSORS_MAX)}
       ), rights AS (
         SELECT DISTINCT ON (line.webhook_id) line.webhook_id, k.scopes, k.projects AS visible
         FROM line JOIN api_keys k ON k.id = line.key_id
         WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
         ORDER BY line.webhook_id, step
       )
       SELECT ${WEBHOOK_COLUMNS}, rights.scopes, rights.visible FROM webhooks w LEFT JOIN rights ON rights.webhook_id = w.id
       WHERE w.enabled`,
    );
    return rows.map(({ scopes, visible, ...webhook }) => ({
      webhook,
      rights: scopes === null ? null : { scopes, projects: visible },
    }));
  }
}

function changeable(webhook: Webhook): unknown[] {
  const { id, url, events, projects, description, enabled, disabledReason, keyId, secret } = webhook;
  const { formerSecret, formerSecretUntil, failingSince } = webhook;
  const own = [id, url, events, projects, description, enabled, disabledReason, keyId, secret];
  return [...own, formerSecret, formerSecretUntil, failingSince];
}
