import { DomainError, Unauthenticated } from '@app/kernel';

/** What was sent is no key at all. The form of keys is public, so that this tells nothing of those that there are. */
export class MalformedKey extends Unauthenticated {
  constructor() {
    super('The key is malformed ("rdev_…", with a checksum at its end). Check for a typo or a truncated copy.');
  }
}

/** No key has that prefix, or the rest is another: which of the two is not said. */
export class UnknownKey extends Unauthenticated {
  constructor() {
    super('The key is not valid.');
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

export class IpNotAllowed extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'IP_NOT_ALLOWED';

  constructor() {
    super('This key may not be used from this address (see allowedIps and TRUST_PROXY).');
  }
}

export class KeyTooMighty extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor(beyond: readonly string[]) {
    super(`The request exceeds the rights of your key: ${beyond.join('; ')}.`);
  }
}

export class KeyNotUsable extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string, why: 'revoked' | 'expired') {
    super(`The key "${id}" ${why === 'revoked' ? 'has been revoked' : 'has expired'}.`);
  }
}

/** Nobody could make keys any more, now or once the others have expired; from where it is used now, at least. */
export class LastAdminKey extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'LAST_ADMIN_KEY';

  constructor(id: string) {
    super(
      `The key "${id}" is the last one with "admin" for all projects that does not expire. Create another one first.`,
    );
  }
}

export class RightsReduced extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor() {
    super('The permissions of the key changed during this request. Retry.');
  }
}
