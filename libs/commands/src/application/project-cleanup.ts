import { type Leave, type ProjectUser, ProjectsService } from '@app/projects';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CommandRepository } from './command.repository.js';
import { CommandsService } from './commands.service.js';
import { CommandHints } from './hints.js';

const GRACE_SECONDS = 2;
const TIMEOUT_MS = 10_000;

/** Ends the commands of a project that stops or goes, and starts those that have waited for it. */
@Injectable()
export class ProjectCleanup implements OnModuleInit, ProjectUser {
  constructor(
    private readonly projects: ProjectsService,
    private readonly commands: CommandsService,
    private readonly repository: CommandRepository,
    private readonly hints: CommandHints,
  ) {}

  onModuleInit(): void {
    this.projects.addUser(this);
  }

  leave({ projectId, before, why }: Leave, signal: AbortSignal): Promise<void> {
    return this.commands.cancelAll(
      { projectId, before, why, graceSeconds: GRACE_SECONDS },
      AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    );
  }

  async isActive(projectId: string): Promise<boolean> {
    return (await this.repository.unended(projectId)).length > 0;
  }

  onRunning(): void {
    this.hints.queueChanged();
  }
}
