import { ProjectsService } from '@app/projects';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { CommandsService } from './commands.service.js';

const GRACE_SECONDS = 2;
const TIMEOUT_MS = 10_000;

/** Ends the commands of a project before its files go. */
@Injectable()
export class ProjectCleanup implements OnModuleInit {
  constructor(
    private readonly projects: ProjectsService,
    private readonly commands: CommandsService,
  ) {}

  onModuleInit(): void {
    this.projects.beforeDelete((projectId) => this.commands.cancelAll(projectId, GRACE_SECONDS, TIMEOUT_MS));
  }
}
