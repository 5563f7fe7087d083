import { DomainError } from './domain-error.js';

/** Too many requests of a caller, or too many bytes in progress. */
export class RateLimited extends DomainError {
  readonly kind = 'rate-limited';
  readonly code = 'RATE_LIMITED';
  override readonly retryable = true;
  override readonly retryAfterSeconds: number;

  constructor(message: string, waitMs: number) {
    super(message);
    this.retryAfterSeconds = wholeSeconds(waitMs);
  }
}

/** Rounded up, and at least 1, for `Retry-After`. */
export function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
