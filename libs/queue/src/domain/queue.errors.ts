import { DomainError } from '@app/kernel';

export class AllQueuesOutOfReach extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor() {
    super('The key is limited to projects and can only pause and resume their queues.', {
      requiredScope: 'queue:write',
    });
  }
}
