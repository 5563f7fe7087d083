import { type Leave, type ProjectDependent, ProjectsService } from '@app/projects';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CommandExecutor } from './command-executor.js';
import { CommandRepository, CommandHints } from '@app/commands';
import { CommandControl } from './command-control.js';

const GRACE_SECONDS = 2;
const TIMEOUT_MS = 10_000;

/** Ends the commands of a project that stops or is deleted, and wakes the queue when a project starts. */
@Injectable()
export class ProjectCleanup implements OnModuleInit, ProjectDependent {
  private readonly logger = new Logger(ProjectCleanup.name);

  constructor(
    private readonly projects: ProjectsService,
    private readonly control: CommandControl,
    private readonly repository: CommandRepository,
    private readonly executor: CommandExecutor,
    private readonly hints: CommandHints,
  ) {}

  onModuleInit(): void {
    this.projects.addDependent(this);
  }

  async leave({ projectId, before, why }: Leave, signal: AbortSignal): Promise<void> {
    await this.control.cancelAll(
      { projectId, before, why, graceSeconds: GRACE_SECONDS },
      AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    );
    const left = await this.executor.reap(projectId);
    if (left > 0) this.logger.warn({ projectId, processes: left }, 'Processes of a project could not be ended');
  }

  async isActive(projectId: string): Promise<boolean> {
    return (await this.repository.unended(projectId)).length > 0;
  }

  onRunning(): void {
    this.hints.queueChanged();
  }
}
