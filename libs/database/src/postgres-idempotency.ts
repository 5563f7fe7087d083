import { createHash } from 'node:crypto';
import { type Creation, Idempotency, IdempotencyMismatch, currentRequest } from '@app/kernel';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Database } from './database.js';

const FORGET_INTERVAL_MS = 3_600_000;
const KEPT = "interval '24 hours'";

/** The key is claimed in the transaction of the creation: a duplicate waits for that to end, and then sees what it made. */
@Injectable()
export class PostgresIdempotency extends Idempotency implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(PostgresIdempotency.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly database: Database) {
    super();
  }

  onModuleInit(): void {
    this.timer = setInterval(() => {
      this.forgetOld().catch((error: unknown) => {
        this.logger.warn({ err: error }, 'Old idempotency keys could not be deleted');
      });
    }, FORGET_INTERVAL_MS);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  once(create: () => Promise<string>): Promise<Creation> {
    return this.database.run(async () => {
      const request = currentRequest();
      if (!request?.idempotency) return { id: await create(), isReplay: false };
      const { route, key, fingerprint } = request.idempotency;
      const scope = createHash('sha256')
        .update(JSON.stringify([request.actor.keyId, route, key]))
        .digest();
      if (!(await this.claim(scope, fingerprint))) {
        request.isReplay = true;
        return { id: await this.earlier(scope, fingerprint), isReplay: true };
      }
      const id = await create();
      await this.database.query('UPDATE idempotency_keys SET resource_id = $2 WHERE scope = $1', [scope, id]);
      return { id, isReplay: false };
    });
  }

  /** Forgets keys that are past their time. */
  async forgetOld(): Promise<void> {
    await this.database.query(`DELETE FROM idempotency_keys WHERE created_at < now() - ${KEPT}`);
  }

  private async claim(scope: Buffer, fingerprint: Buffer): Promise<boolean> {
    await this.database.query(`DELETE FROM idempotency_keys WHERE scope = $1 AND created_at < now() - ${KEPT}`, [
      scope,
    ]);
    const rows = await this.database.query(
      'INSERT INTO idempotency_keys (scope, fingerprint) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING RETURNING scope',
      [scope, fingerprint],
    );
    return rows.length === 1;
  }

  private async earlier(scope: Buffer, fingerprint: Buffer): Promise<string> {
    const [row] = await this.database.query<{ fingerprint: Buffer; resource_id: string }>(
      'SELECT fingerprint, resource_id FROM idempotency_keys WHERE scope = $1',
      [scope],
    );
    if (row?.fingerprint.equals(fingerprint) !== true) throw new IdempotencyMismatch();
    return row.resource_id;
  }
}
