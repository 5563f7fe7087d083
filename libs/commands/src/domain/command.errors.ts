import { DomainError, Unavailable } from '@app/kernel';
import type { Rejection } from './rejection.js';

/** The policy or the git guard-rail does not let it run. */
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

/** Commands may not run in that container, or cannot now; the message lists the ones they can run in. */
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

  /** @param stdinBytes how much of its stdin is known to have been written, for requests that write; null: no stdin */
  constructor(id: string, stdinBytes: number | null = null) {
    super(`The command "${id}" has ended.`, { commandId: id, ...(stdinBytes !== null && { offset: stdinBytes }) });
  }
}

/** It is queued, or just being started. */
export class CommandNotRunning extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';
  override readonly retryable = true;

  constructor(id: string, status: string) {
    super(`The command "${id}" is ${status} and has no process yet.`, { commandId: id });
  }
}

/** The command's environment starts commands with the signal ignored, and this one has not installed a handler. */
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

export class CommandNotQueued extends DomainError {
  readonly kind = 'conflict';
  readonly code = 'CONFLICT';

  constructor(id: string, status: string) {
    super(`The command "${id}" is ${status} and no longer queued.`, { commandId: id });
  }
}

/** The connection to the command's instance cannot be opened, or broke. */
export class CommandUnreachable extends Unavailable {
  override readonly code = 'CLUSTER_UNAVAILABLE';

  constructor(id: string, options: ErrorOptions) {
    super(`The processes of the command "${id}" could not be reached.`, { commandId: id }, options);
  }
}

/** Another replica has taken the command over; this one must let go of it. */
export class LeaseLost extends Error {
  constructor(id: string) {
    super(`The lease of ${id} is held by another replica.`);
    this.name = 'LeaseLost';
  }
}
