/** Limits apply to any span of this length. */
export const RATE_WINDOW_MS = 10_000;

export interface RateLimitVerdict {
  readonly isAllowed: boolean;
  /** How many more may follow immediately. */
  readonly remaining: number;
  /** Time until one more than `remaining` may follow: a refused caller that waits this long is allowed. */
  readonly waitMs: number;
}

/** Counts the requests of keys over all replicas. */
export abstract class RateLimitStore {
  /**
   * Counts a request of the key unless the window has reached the limit. Refused requests do not count.
   * A single store is exact; several on one database may exceed the limit by the slack in docs/concepts/security.md.
   */
  abstract hit(key: string, limit: number): Promise<RateLimitVerdict>;
}
