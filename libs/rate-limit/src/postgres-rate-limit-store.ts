import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HitLog, leavesAt } from './sliding-windows.js';
import { RATE_WINDOW_MS, type RateLimitStore, type RateLimitVerdict } from './rate-limit-store.js';
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';

/** Maximum delay until hits are published to other replicas. */
const EXCHANGE_MS = 200;
/** Hits are published in buckets of this size; other replicas count a bucket until its newest hit leaves the window. */
const BUCKET_MS = 500;
/** After this, requests no longer wait for the database, and until it recovers each replica uses what it knows. */
const DATABASE_TIMEOUT_MS = 1_000;
const SWEEP_MS = 10_000;

interface KeyState {
  readonly own: HitLog;
  /** Hits of other replicas as of the last exchange. */
  others: HitLog;
  /** Total own hits, and how many of them have been published. */
  hits: number;
  published: number;
  /** Buckets before this one have been published. */
  publishedBucket: number;
}

interface Row {
  readonly key: string;
  readonly bucket: number;
  readonly hits: number;
  readonly ageMs: number;
}

/** How many hits of a replica may be unpublished: the slack per other replica. */
export function unpublishedMax(limit: number): number {
  return Math.max(1, Math.ceil(limit / 10));
}

/**
 * Each replica decides in memory, by its own exact log and the published hits of the others. It publishes its hits
 * every 200 ms, and immediately at the maximum of unpublished hits: only then does a request wait for the database.
 *
 * Why at most `limit + (replicas - 1) * unpublishedMax(limit)` requests are allowed: publishing commits before the
 * others' hits are read. Of the replicas with hits in a window, the one that read last before its last hit knew all
 * that the others had published before they read for their last ones; since then each of them allowed at most
 * `unpublishedMax`. Ages are measured so that delays make hits of others seem younger, never older.
 */
export class PostgresRateLimitStore implements OnApplicationShutdown, RateLimitStore {
  private readonly logger = new Logger(PostgresRateLimitStore.name);
  private readonly replica = randomUUID();
  /** Ordered by newest hit. */
  private readonly keys = new Map<string, KeyState>();
  private readonly unpublishedKeys = new Set<string>();
  private exchanging: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isUnavailable = false;
  private sweptAt = -Infinity;
  private stopped = false;

  constructor(
    private readonly dataSource: Pick<DataSource, 'query'>,
    private readonly now: () => number = () => performance.now(),
    private readonly windowMs = RATE_WINDOW_MS,
  ) {}

  async hit(key: string, limit: number): Promise<RateLimitVerdict> {
    for (;;) {
      const now = this.now();
      const state = this.stateOf(key, now);
      if (this.count(state) >= limit) return this.verdict(state, limit, false);
      if (state.hits - state.published < unpublishedMax(limit) || this.isUnavailable) {
        this.admit(key, state, now);
        return this.verdict(state, limit, true);
      }
      await this.exchange();
    }
  }

  get size(): number {
    return this.keys.size;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.exchanging;
  }

  private stateOf(key: string, now: number): KeyState {
    const state = this.keys.get(key) ?? {
      own: new HitLog(),
      others: new HitLog(),
      hits: 0,
      published: 0,
      publishedBucket: 0,
    };
    state.own.forgetUntil(now - this.windowMs);
    state.others.forgetUntil(now - this.windowMs);
    return state;
  }

  private count({ own, others }: KeyState): number {
    return own.total + others.total;
  }

  private verdict(state: KeyState, limit: number, isAllowed: boolean): RateLimitVerdict {
    const hits = this.count(state);
    const free = leavesAt([state.own, state.others], Math.max(1, hits - limit + 1), this.windowMs);
    return { isAllowed, remaining: Math.max(0, limit - hits), waitMs: Math.max(0, free - this.now()) };
  }

  private admit(key: string, state: KeyState, now: number): void {
    state.own.add(now);
    state.hits++;
    this.keys.delete(key);
    this.keys.set(key, state);
    this.unpublishedKeys.add(key);
    this.forgetIdle(now);
    if (this.timer !== undefined || this.stopped) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.exchange();
    }, EXCHANGE_MS);
  }

  /** Hits of other replicas are read again when the key is used again. */
  private forgetIdle(now: number): void {
    for (const [key, { own }] of this.keys) {
      if (own.newestAt > now - this.windowMs) return;
      this.keys.delete(key);
      this.unpublishedKeys.delete(key);
    }
  }

  /** Joins an exchange in progress. Never throws, and takes at most {@link DATABASE_TIMEOUT_MS}. */
  private exchange(): Promise<void> {
    this.exchanging ??= this.attempt().finally(() => (this.exchanging = undefined));
    return this.exchanging;
  }

  private async attempt(): Promise<void> {
    const startedAt = this.now();
    const publishing = [...this.unpublishedKeys].flatMap((key) => {
      const state = this.keys.get(key);
      return state === undefined ? [] : [{ key, state, hits: state.hits }];
    });
    this.unpublishedKeys.clear();
    try {
      const rows = publishing.flatMap(({ key, state }) => this.rowsOf(key, state, startedAt));
      const others = await withTimeout(this.publishAndRead(rows));
      for (const { key, state, hits } of publishing) {
        state.others = others.get(key) ?? new HitLog();
        state.published = hits;
        state.publishedBucket = Math.floor(startedAt / BUCKET_MS);
      }
      this.isUnavailable = false;
    } catch (error) {
      for (const { key } of publishing) this.unpublishedKeys.add(key);
      if (!this.isUnavailable) this.logger.warn({ err: error }, 'Rate limits are not shared at the moment');
      this.isUnavailable = true;
    }
  }

  private async publishAndRead(rows: readonly Row[]): Promise<ReadonlyMap<string, HitLog>> {
    await this.publish(rows);
    const others = await this.readOthers([...new Set(rows.map(({ key }) => key))]);
    if (this.now() >= this.sweptAt + SWEEP_MS) await this.sweep();
    return others;
  }

  /** Whole buckets in their current state, so that publishing is idempotent. */
  private rowsOf(key: string, { own, publishedBucket }: KeyState, now: number): Row[] {
    const rows = new Map<number, Row>();
    for (const { at, hits } of own.since(Math.max(publishedBucket * BUCKET_MS, now - this.windowMs))) {
      const bucket = Math.floor(at / BUCKET_MS);
      rows.set(bucket, { key, bucket, hits: (rows.get(bucket)?.hits ?? 0) + hits, ageMs: now - at });
    }
    return [...rows.values()];
  }

  private async publish(rows: readonly Row[]): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO rate_limit_hits AS stored (key, replica, bucket, hits, newest_at)
       SELECT key, $1, bucket, hits, clock_timestamp() - age * interval '1 millisecond'
       FROM unnest($2::text[], $3::bigint[], $4::integer[], $5::float8[]) AS own (key, bucket, hits, age)
       ON CONFLICT ON CONSTRAINT rate_limit_hits_pkey DO UPDATE
       SET hits = GREATEST(stored.hits, EXCLUDED.hits), newest_at = GREATEST(stored.newest_at, EXCLUDED.newest_at)`,
      [
        this.replica,
        rows.map(({ key }) => key),
        rows.map(({ bucket }) => bucket),
        rows.map(({ hits }) => hits),
        rows.map(({ ageMs }) => ageMs),
      ],
    );
  }

  private async readOthers(keys: readonly string[]): Promise<ReadonlyMap<string, HitLog>> {
    const rows: { key: string; hits: number; age: number }[] = await this.dataSource.query(
      `SELECT key, hits, 1000 * extract(epoch FROM clock_timestamp() - newest_at)::float8 AS age
       FROM rate_limit_hits
       WHERE key = ANY($1) AND replica <> $2 AND newest_at > clock_timestamp() - $3 * interval '1 millisecond'
       ORDER BY newest_at`,
      [keys, this.replica, this.windowMs],
    );
    const now = this.now();
    const logs = new Map<string, HitLog>();
    for (const { key, hits, age } of rows) {
      const log = logs.get(key) ?? new HitLog();
      log.add(now - age, hits);
      logs.set(key, log);
    }
    return logs;
  }

  private async sweep(): Promise<void> {
    this.sweptAt = this.now();
    await this.dataSource.query(
      `DELETE FROM rate_limit_hits WHERE newest_at < clock_timestamp() - $1 * interval '1 millisecond'`,
      [2 * this.windowMs],
    );
  }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const overdue = delay(DATABASE_TIMEOUT_MS, undefined, { ref: false, signal: stop.signal }).then(() => {
    throw new Error('The database does not respond in time.');
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    stop.abort();
    overdue.catch(() => undefined);
    work.catch(() => undefined);
  }
}
