import { type Caller, DomainError } from '@app/kernel';
import { ProjectNotRunning, ProjectsService } from '@app/projects';
import { Injectable } from '@nestjs/common';
import { CommandRejected, QueueFull } from '../domain/command.errors.js';
import { CommandPolicy } from '../domain/command-policy.js';
import { CommandRepository } from './command.repository.js';
import type { CommandRequest } from './commands.service.js';
import { CommandLimits } from './limits.js';

/** What a creation would answer now. */
export interface CommandForecast {
  /** Each of them would refuse it. */
  readonly reasons: readonly DomainError[];
  readonly queued: number;
  readonly queuedMax: number;
  /** Bytes of each stream that would be kept; null if more was asked for than is allowed. */
  readonly outputBytesMax: number | null;
}

/** Says what policy and limits do with a command, without making it. */
@Injectable()
export class CommandCheck {
  constructor(
    private readonly policy: CommandPolicy,
    private readonly projects: ProjectsService,
    private readonly commands: CommandRepository,
    private readonly limits: CommandLimits,
  ) {}

  /** @throws {@link NotFound} if the caller may not see the project */
  async forecast(projectId: string, request: CommandRequest, caller: Caller): Promise<CommandForecast> {
    const { status, reason } = await this.projects.get(projectId, caller);
    const queued = await this.commands.countQueued(projectId);
    const { queuedPerProjectMax: queuedMax } = this.limits;
    const { work, env, outputBytesMax: asked } = request.spec;
    const rejection = this.policy.rejection({ projectId, keyId: caller.keyId, work }, env);
    const outputBytesMax = this.limits.outputBytesOf(asked);
    const reasons: DomainError[] = [];
    if (rejection !== null) reasons.push(new CommandRejected(rejection));
    if (outputBytesMax instanceof DomainError) reasons.push(outputBytesMax);
    if (status !== 'running') reasons.push(new ProjectNotRunning(projectId, status, reason));
    if (queued >= queuedMax) reasons.push(new QueueFull(projectId, queuedMax));
    return {
      reasons,
      queued,
      queuedMax,
      outputBytesMax: outputBytesMax instanceof DomainError ? null : outputBytesMax,
    };
  }
}
