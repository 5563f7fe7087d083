import { DomainError, type Scope } from '@app/kernel';

export class Unauthenticated extends DomainError {
  readonly kind = 'unauthenticated';
  readonly code: string = 'UNAUTHENTICATED';

  constructor(message = 'Send a key as "Authorization: Bearer <key>" or "X-API-Key: <key>".') {
    super(message);
  }
}

export class KeyRevoked extends Unauthenticated {
  override readonly code = 'KEY_REVOKED';

  constructor() {
    super('The key has been revoked.');
  }
}

export class KeyExpired extends Unauthenticated {
  override readonly code = 'KEY_EXPIRED';

  constructor() {
    super('The key has expired.');
  }
}

export class InsufficientScope extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor(scope: Scope) {
    super(`The key lacks the scope "${scope}".`, { requiredScope: scope });
  }
}

export class IpNotAllowed extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'IP_NOT_ALLOWED';

  constructor() {
    super('The key may not be used from this address.');
  }
}

export class KeyTooMighty extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor(what: string) {
    super(`A key cannot give more rights than it has itself: ${what}.`);
  }
}
