import { DomainError, Unauthenticated } from '@app/kernel';

/** The text is not a key. The format is public, so this reveals nothing about existing keys. */
export class MalformedKey extends Unauthenticated {
  constructor() {
    super('The key is malformed ("rdev_…", with a checksum at its end). Check for a typo or a truncated copy.');
  }
}

/** No key has the prefix, or the rest differs; it is not revealed which. */
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

export class RightsExceeded extends DomainError {
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

/** Without this key no client could create keys, now or once the other administrators have expired. */
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
