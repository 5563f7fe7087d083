import { DomainError, Unavailable } from '@app/kernel';
import type { Rejection } from './rejection.js';

/** The policy, or the guard-rail for git, does not let it run. */
export class CommandRejected extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'COMMAND_REJECTED';

  constructor(readonly rejection: Rejection) {
    super(`The command is refused: ${rejection.reason}.`);
  }
}

export class QueueFull extends DomainError {
  readonly kind = 'rate-limited';
  readonly code = 'QUEUE_FULL';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 5;

  constructor(projectId: string, max: number) {
    super(`The queue of project "${projectId}" is full (limit ${String(max)}).`, { projectId, max });
  }
}

/** No command may run in that container, or none can now: the text says in which ones. */
export class ContainerRefused extends Error {}

export class OutputExpired extends DomainError {
  readonly kind = 'gone';
  readonly code = 'OUTPUT_EXPIRED';

  constructor(id: string) {
    super(`The output of "${id}" has been deleted after its retention period.`, { commandId: id });
  }
}

export class CommandEnded extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'COMMAND_ENDED';

  /** @param stdinBytes how much of its stdin is known to have been written, for those who write; null: nothing is */
  constructor(id: string, stdinBytes: number | null = null) {
    super(`The command "${id}" has ended.`, { commandId: id, ...(stdinBytes !== null && { offset: stdinBytes }) });
  }
}

/** It waits in the queue, or is just being started. */
export class CommandNotRunning extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';
  override readonly retryable = true;

  constructor(id: string, status: string) {
    super(`The command "${id}" is ${status} and has no process yet.`, { commandId: id });
  }
}

/** Where it runs, commands start with the signal ignored, and this one does nothing about that. */
export class SignalIgnored extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string, signal: string) {
    super(
      `All processes of the command "${id}" ignore SIG${signal}. Commands of this image start with it ignored: their shell ` +
        'cannot change that, and the image has neither env of coreutils 8.31 or newer, nor bash as sh, nor perl.',
      { commandId: id },
    );
  }
}

/** It has left the queue. */
export class CommandNotQueued extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string, status: string) {
    super(`The command "${id}" is ${status} and no longer queued.`, { commandId: id });
  }
}

/** The connection to where the command runs cannot be made, or broke. */
export class CommandUnreachable extends Unavailable {
  override readonly code = 'CLUSTER_UNAVAILABLE';

  constructor(id: string, options: ErrorOptions) {
    super(`The processes of the command "${id}" could not be reached.`, { commandId: id }, options);
  }
}

/** Another replica has taken the command over; whoever gets this lets go of it. */
export class LeaseLost extends Error {
  constructor(id: string) {
    super(`The lease of ${id} is held by another replica.`);
    this.name = 'LeaseLost';
  }
}

/** It takes no new work. */
export class ShuttingDown extends DomainError {
  readonly kind = 'unavailable';
  readonly code = 'SHUTTING_DOWN';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 1;

  constructor() {
    super('This replica is shutting down.');
  }
}
