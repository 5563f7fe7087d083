import { DomainError } from './domain-error.js';

/** The key was used for another request body. */
export class IdempotencyMismatch extends DomainError {
  readonly kind = 'unprocessable';
  readonly code = 'IDEMPOTENCY_MISMATCH';

  constructor() {
    super('The Idempotency-Key was used within 24 hours for a request with another body.');
  }
}

/** An earlier request with the key has not come to its end, and perhaps never will. */
export class IdempotencyUnsettled extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';
  override readonly retryable: boolean;
  override readonly retryAfterSeconds?: number;

  /** @param isRecent it may still come to its end */
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

/** What an earlier request with the same Idempotency-Key created has been deleted since. */
export class ResourceGone extends DomainError {
  readonly kind = 'gone';
  readonly code = 'RESOURCE_GONE';

  constructor(what: string, id: string) {
    super(`The ${what} "${id}" that a request with this Idempotency-Key created has been deleted.`, { resourceId: id });
  }
}

/** What a request with an Idempotency-Key made. */
export interface Creation {
  readonly id: string;
  /** When an earlier request made it, this one made nothing; null: this one made it. */
  readonly replayOf: Date | null;
}

/** Makes a request do its work at most once per Idempotency-Key of a caller, over all replicas, for 24 hours. */
export abstract class Idempotency {
  /**
   * Runs the creation in a transaction and answers the id of what it made; or, if an earlier request with the same key
   * and body made it, that one's. A request without a key always creates. A creation that fails leaves the key unused.
   * @throws {@link IdempotencyMismatch} if the body is another
   */
  abstract once(create: () => Promise<string>): Promise<Creation>;

  /**
   * The same for work that reaches beyond the database, outside a transaction: duplicates that come meanwhile are
   * refused, and so are all others if the process ends before the work does.
   * @throws {@link IdempotencyMismatch} and {@link IdempotencyUnsettled}
   */
  abstract act(work: () => Promise<string>): Promise<Creation>;
}
