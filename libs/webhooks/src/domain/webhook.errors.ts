import { DomainError } from '@app/kernel';

/** The subscription would tell more than the key may read. */
export class SubscriptionExceedsRights extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor(events: readonly string[]) {
    super(`The key may read nothing of these events: ${events.join(', ')}.`);
  }
}

/** Who knows the secret can sign what the key may not read. */
export class SecretExceedsRights extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor() {
    super('The webhook is told more than the key may read. Change its events with this key first.');
  }
}

export class WebhookDisabled extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string) {
    super(`The webhook "${id}" is disabled. Enable it first.`);
  }
}

export class DeliveryPending extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string) {
    super(`The delivery "${id}" is pending already.`);
  }
}
