import { Database, likePatterns } from '@app/database';
import { type Page, type PageRequest, decodeIdCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { Webhook } from '../../domain/webhook.js';
import { WebhookRepository } from '../../application/webhook.repository.js';

/** The columns of a subscription, under the names of {@link Webhook}. */
export const WEBHOOK_COLUMNS = `w.id, w.url, w.events, w.projects, w.description, w.enabled,
  w.disabled_reason AS "disabledReason", w.key_id AS "keyId", w.secret, w.former_secret AS "formerSecret",
  w.former_secret_until AS "formerSecretUntil", w.failing_since AS "failingSince", w.created_at AS "createdAt",
  w.updated_at AS "updatedAt"`;

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
    await this.database.query('DELETE FROM webhooks WHERE id = $1', [id]);
  }

  listEnabled(): Promise<readonly Webhook[]> {
    return this.database.query<Webhook>(`SELECT ${WEBHOOK_COLUMNS} FROM webhooks w WHERE w.enabled`);
  }
}

function changeable(webhook: Webhook): unknown[] {
  const { id, url, events, projects, description, enabled, disabledReason, keyId, secret } = webhook;
  const { formerSecret, formerSecretUntil, failingSince } = webhook;
  const own = [id, url, events, projects, description, enabled, disabledReason, keyId, secret];
  return [...own, formerSecret, formerSecretUntil, failingSince];
}
