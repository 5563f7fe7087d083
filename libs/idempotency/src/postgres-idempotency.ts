import { createHash } from 'node:crypto';
import {
  type Creation,
  Idempotency,
  IdempotencyMismatch,
  IdempotencyUnsettled,
  type RequestContext,
  currentRequest,
} from '@app/kernel';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Database } from '@app/database';

const FORGET_INTERVAL_MS = 3_600_000;
const KEPT = "interval '24 hours'";
/** No request with a key takes longer. */
const IN_PROGRESS = "interval '2 minutes'";

/**
 * The key is claimed in the transaction of the creation: a duplicate waits for its end, and then gets its result.
 */
@Injectable()
export class PostgresIdempotency implements OnModuleInit, OnModuleDestroy, Idempotency {
  private readonly logger = new Logger(PostgresIdempotency.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly database: Database) {}

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
      const use = keyInUse();
      if (use === null) return created(await create());
      const earlier = await this.claim(use);
      if (earlier !== null) return earlier;
      const id = await create();
      await this.settle(use, id);
      return created(id);
    });
  }

  async act(work: () => Promise<string>): Promise<Creation> {
    const use = keyInUse();
    if (use === null) return created(await work());
    const earlier = await this.database.run(() => this.claim(use));
    if (earlier !== null) return earlier;
    const id = await work().catch(async (error: unknown) => {
      await this.database.query('DELETE FROM idempotency_keys WHERE scope = $1', [use.scope]).catch(() => undefined);
      throw error;
    });
    await this.settle(use, id);
    return created(id);
  }

  async forgetOld(): Promise<void> {
    await this.database.query(`DELETE FROM idempotency_keys WHERE created_at < now() - ${KEPT}`);
  }

  /** Null: this request has claimed the key. @throws {@link IdempotencyMismatch} or {@link IdempotencyUnsettled} */
  private async claim({ scope, fingerprint, request }: KeyInUse): Promise<Creation | null> {
    await this.database.query(`DELETE FROM idempotency_keys WHERE scope = $1 AND created_at < now() - ${KEPT}`, [
      scope,
    ]);
    const rows = await this.database.query(
      'INSERT INTO idempotency_keys (scope, fingerprint) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING RETURNING scope',
      [scope, fingerprint],
    );
    if (rows.length === 1) return null;
    request.isReplay = true;
    return this.earlier(scope, fingerprint);
  }

  private async settle({ scope }: KeyInUse, id: string): Promise<void> {
    await this.database.query('UPDATE idempotency_keys SET resource_id = $2 WHERE scope = $1', [scope, id]);
  }

  private async earlier(scope: Buffer, fingerprint: Buffer): Promise<Creation> {
    const [row] = await this.database.query<EarlierRow>(
      `SELECT fingerprint, resource_id AS id, created_at AS "createdAt", created_at > now() - ${IN_PROGRESS} AS "isRecent"
       FROM idempotency_keys WHERE scope = $1`,
      [scope],
    );
    // The earlier request has just failed and released the key: a retry can claim it.
    if (row === undefined) throw new IdempotencyUnsettled(true);
    if (!row.fingerprint.equals(fingerprint)) throw new IdempotencyMismatch();
    if (row.id === null) throw new IdempotencyUnsettled(row.isRecent);
    return { id: row.id, replayOf: row.createdAt };
  }
}

interface EarlierRow {
  readonly fingerprint: Buffer;
  readonly id: string | null;
  readonly createdAt: Date;
  readonly isRecent: boolean;
}

interface KeyInUse {
  readonly scope: Buffer;
  readonly fingerprint: Buffer;
  readonly request: RequestContext;
}

/** Null: the request has no key. */
function keyInUse(): KeyInUse | null {
  const request = currentRequest();
  if (!request?.idempotency) return null;
  const { route, key, fingerprint } = request.idempotency;
  const scope = createHash('sha256')
    .update(JSON.stringify([request.actor.keyId, route, key]))
    .digest();
  return { scope, fingerprint, request };
}

function created(id: string): Creation {
  return { id, replayOf: null };
}
