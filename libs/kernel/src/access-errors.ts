import type { Scope } from './caller.js';
import { DomainError } from './domain-error.js';

/** The caller is unknown. */
export class Unauthenticated extends DomainError {
  readonly kind = 'unauthenticated';
  readonly code: string = 'UNAUTHENTICATED';

  constructor(message = 'Send a key as "Authorization: Bearer <key>" or "X-API-Key: <key>".') {
    super(message);
  }
}

/** The caller lacks a scope. */
export class InsufficientScope extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor(scope: Scope) {
    super(`The key lacks the scope "${scope}".`, { requiredScope: scope });
  }
}
