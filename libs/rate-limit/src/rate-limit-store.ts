/** Limits hold over any span of so many milliseconds. */
export const RATE_WINDOW_MS = 10_000;

export interface RateLimitVerdict {
  readonly isAllowed: boolean;
  /** How many more may follow at once. */
  readonly remaining: number;
  /** Until one more than `remaining` may follow: a caller that was refused and waits so long gets through. */
  readonly waitMs: number;
}

/** Counts the requests of keys, over all replicas. */
export abstract class RateLimitStore {
  /**
   * Counts one request of the key unless the window has as many as the limit already. What is refused does not count.
   * Alone, a store is exact; several on one database let through at most so many more as docs/concepts/security.md
   * says.
   */
  abstract hit(key: string, limit: number): Promise<RateLimitVerdict>;
}
