import { DomainError } from '@app/kernel';
import type { ProjectStatus } from './project.js';

export class ProjectExists extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'PROJECT_EXISTS';

  constructor(id: string, options?: ErrorOptions) {
    super(`There is already a project "${id}".`, { projectId: id }, options);
  }
}

/** Objects with the names that this project would use belong to another install. */
export class ProjectOfAnotherInstall extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'PROJECT_EXISTS';

  constructor(id: string, namespace: string) {
    super(`There is already a project "${id}" in the namespace "${namespace}". It belongs to another rdev install.`, {
      projectId: id,
    });
  }
}

export class ProjectNotRunning extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'PROJECT_NOT_RUNNING';
  override readonly retryable = true;

  constructor(id: string, status: ProjectStatus, reason: string | null) {
    super(`The project "${id}" is ${status}${reason === null ? '' : `: ${reason}`}.`, {
      projectId: id,
      projectStatus: status,
    });
  }
}

/** The project was not created through the API, so the API may use it but not change it. */
export class ProjectNotManaged extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string) {
    super(`The project "${id}" was not created through the API and cannot be changed by it.`, { projectId: id });
  }
}

/** A request that a project cannot accept while it is being deleted. */
export class ProjectTerminating extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string) {
    super(`The project "${id}" is being deleted.`, { projectId: id });
  }
}
