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

  constructor(beyond: readonly string[]) {
    super(`This goes beyond the rights of your key: ${beyond.join('; ')}.`);
  }
}

export class KeyNotUsable extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string, why: 'revoked' | 'expired') {
    super(`The key "${id}" ${why === 'revoked' ? 'has been revoked' : 'has expired'}.`);
  }
}

export class RightsReduced extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor() {
    super('The rights of the key were reduced while this was being answered. Ask again.');
  }
}
