const BACKOFF_MS_MAX = 5_000;

/** How long to wait before another attempt, in milliseconds: doubles from 50, with jitter. */
export function backoff(attempt: number): number {
  return Math.min(BACKOFF_MS_MAX, 50 * 2 ** attempt) * (0.5 + Math.random() / 2);
}
