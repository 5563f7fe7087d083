import { Database, likePatterns } from '@app/database';
import { type Page, type PageRequest, decodeIdCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { originOf } from '../../domain/delivery.js';
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
         former_secret, former_secret_until, failing_since, origin, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
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
         cardinality(projects) > 0 AND NOT EXISTS (SELECT FROM unnest(projects) AS glob WHERE NOT glob LIKE ANY ($3)))
       ORDER BY id DESC LIMIT $2`,
      [before, limit + 1, likePatterns(visible)],
    );
    return toPage(rows, limit, ({ id }) => [id]);
  }

  async update(webhook: Webhook): Promise<void> {
    await this.database.query(
      `UPDATE webhooks SET url = $2, events = $3, projects = $4, description = $5, enabled = $6, disabled_reason = $7,
         key_id = $8, secret = $9, former_secret = $10, former_secret_until = $11, failing_since = $12, origin = $13, updated_at = $14
       WHERE id = $1`,
      [...changeable(webhook), webhook.updatedAt],
    );
  }

  async disable({ id, url, keyId }: Webhook, reason: string, also: () => Promise<void>): Promise<void> {
    await this.database.run(async () => {
      const changed = await this.database.query(
        `UPDATE webhooks SET enabled = false, disabled_reason = $4, updated_at = now(), abandoned_before = clock_timestamp()
         WHERE id = $1 AND url = $2 AND key_id = $3 AND enabled RETURNING 1`,
        [id, url, keyId, reason],
      );
      if (changed.length > 0) await also();
    });
  }

  async abandonPending(id: string): Promise<void> {
    await this.database.query('UPDATE webhooks SET abandoned_before = clock_timestamp() WHERE id = $1', [id]);
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
  return [...own, formerSecret, formerSecretUntil, failingSince, originOf(url)];
}
