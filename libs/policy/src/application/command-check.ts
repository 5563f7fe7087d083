import { type Caller, Callbacks, DomainError, Idempotency } from '@app/kernel';
import { ProjectNotRunning, ProjectsService, canWake } from '@app/projects';
import { Injectable } from '@nestjs/common';
import {
  CommandLimits,
  CommandQueue,
  CommandRejected,
  type CommandRequest,
  QueueFull,
  checkContainer,
} from '@app/commands';
import { CommandPolicy } from '../domain/command-policy.js';

/** The result that creating the command would have now. */
export interface CommandForecast {
  /** Each of them alone would refuse it. */
  readonly reasons: readonly DomainError[];
  readonly queued: number;
  readonly queuedMax: number;
  /** Bytes of each stream to keep; null if the request exceeds the limit. */
  readonly outputBytesMax: number | null;
}

/** Applies policy and limits to a command without creating it. */
@Injectable()
export class CommandCheck {
  constructor(
    private readonly policy: CommandPolicy,
    private readonly projects: ProjectsService,
    private readonly queue: CommandQueue,
    private readonly limits: CommandLimits,
    private readonly idempotency: Idempotency,
    private readonly callbacks: Callbacks,
  ) {}

  /** @throws {@link NotFound} if the caller may not see the project */
  async forecast(projectId: string, request: CommandRequest, caller: Caller): Promise<CommandForecast> {
    const { status, reason } = await this.projects.get(projectId, caller);
    const managed = await this.projects.findManaged(projectId);
    const isAdmitted = status === 'running' || (managed !== null && canWake(managed));
    // Nothing here could be done twice, but the idempotency key must belong to the same request.
    await this.idempotency.once(() => Promise.resolve(projectId));
    const queued = await this.queue.countQueued(projectId);
    const { queuedPerProjectMax: queuedMax } = this.limits;
    const { spec } = request;
    const directory = this.projects.directoryOf(projectId);
    const rejection = this.policy.rejection({ projectId, keyId: caller.keyId, spec, directory });
    const reasons: DomainError[] = [];
    if (rejection !== null) reasons.push(new CommandRejected(rejection));
    const outputBytesMax = unlessRefused(() => this.limits.outputBytesOf(spec.outputBytesMax), reasons);
    unlessRefused(() => {
      checkContainer(spec, this.projects.hasContainers);
    }, reasons);
    unlessRefused(() => {
      if (request.callbackUrl !== null) this.callbacks.assertAllowed(request.callbackUrl, caller);
    }, reasons);
    if (this.projects.outage !== null) reasons.push(this.projects.outage);
    if (!isAdmitted) reasons.push(new ProjectNotRunning(projectId, status, reason));
    if (queued >= queuedMax) reasons.push(new QueueFull(projectId, queuedMax));
    return { reasons, queued, queuedMax, outputBytesMax };
  }
}

/** What the work returns; null if it is refused, with the error added to the reasons. */
function unlessRefused<T>(work: () => T, reasons: DomainError[]): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    reasons.push(error);
    return null;
  }
}
