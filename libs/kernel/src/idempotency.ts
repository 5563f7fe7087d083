import { DomainError } from './domain-error.js';

/** The key was used for another request body. */
export class IdempotencyMismatch extends DomainError {
  readonly kind = 'unprocessable';
  readonly code = 'IDEMPOTENCY_MISMATCH';

  constructor() {
    super('The Idempotency-Key was used within 24 hours for a request with another body.');
  }
}

/** An earlier request with the key has not completed, and may never complete. */
export class IdempotencyUnsettled extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';
  override readonly retryable: boolean;
  override readonly retryAfterSeconds?: number;

  /** @param isRecent whether it may still complete */
  constructor(isRecent: boolean) {
    super(
      isRecent
        ? 'A request with this Idempotency-Key is in progress.'
        : 'The outcome of an earlier request with this Idempotency-Key is unknown. Check its effect, then use a new key.',
    );
    this.retryable = isRecent;
    if (isRecent) this.retryAfterSeconds = 1;
  }
}

/** The resource that an earlier request with the same Idempotency-Key created has been deleted. */
export class ResourceGone extends DomainError {
  readonly kind = 'gone';
  readonly code = 'RESOURCE_GONE';

  constructor(what: string, id: string) {
    super(`The ${what} "${id}" that a request with this Idempotency-Key created has been deleted.`, { resourceId: id });
  }
}

/** The result of a request with an Idempotency-Key. */
export interface Creation {
  readonly id: string;
  /** When an earlier request created it; null: this request did. */
  readonly replayOf: Date | null;
}

/** Executes requests at most once per caller and Idempotency-Key, over all replicas, for 24 hours. */
export abstract class Idempotency {
  /**
   * Runs the creation in a transaction and returns its id; or the id from an earlier request with the same key and
   * body. A request without a key always creates. A failed creation leaves the key unused.
   * @throws {@link IdempotencyMismatch} if the body differs
   */
  abstract once(create: () => Promise<string>): Promise<Creation>;

  /**
   * The same for work outside the database, without a transaction: duplicates are refused while it is in progress, and
   * for good if the process ends before the work does.
   * @throws {@link IdempotencyMismatch} and {@link IdempotencyUnsettled}
   */
  abstract act(work: () => Promise<string>): Promise<Creation>;
}
