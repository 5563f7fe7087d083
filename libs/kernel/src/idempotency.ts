import { DomainError } from './domain-error.js';

/** The key was used for another request body. */
export class IdempotencyMismatch extends DomainError {
  readonly kind = 'unprocessable';
  readonly code = 'IDEMPOTENCY_MISMATCH';

  constructor() {
    super('The Idempotency-Key was used within 24 hours for a request with another body.');
  }
}

/** What a request with an Idempotency-Key made. */
export interface Creation {
  readonly id: string;
  /** An earlier request made it; this one made nothing. */
  readonly isReplay: boolean;
}

/** Makes a creation happen at most once per Idempotency-Key of a caller, over all replicas, for 24 hours. */
export abstract class Idempotency {
  /**
   * Runs the creation in a transaction and answers the id of what it made; or, if an earlier request with the same key
   * and body made it, that one's. A request without a key always creates. A creation that fails leaves the key unused.
   * @throws {@link IdempotencyMismatch} if the body is another
   */
  abstract once(create: () => Promise<string>): Promise<Creation>;
}
