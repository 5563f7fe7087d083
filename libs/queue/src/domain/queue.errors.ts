import { DomainError } from '@app/kernel';

export class AllQueuesOutOfReach extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'INSUFFICIENT_SCOPE';

  constructor() {
    super('The key is limited to some projects and can pause and resume the queues of these only.', {
      requiredScope: 'queue:write',
    });
  }
}
