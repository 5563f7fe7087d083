import { ProjectsService } from '@app/projects';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandRepository, type Instance, hasEnded } from '@app/commands';
import { CommandExecutor } from './command-executor.js';

const FIRST_MS = 60_000;
const INTERVAL_MS = 3_600_000;
/** Long enough for a replica to return and read what it missed. */
const MAX_AGE_SECONDS = 24 * 3_600;

/**
 * Removes spools that were never acknowledged because a replica died between the end and the acknowledgement. Ends lost
 * commands that still run because their node was unreachable for too long.
 */
@Injectable()
export class SpoolSweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(SpoolSweeper.name);
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly projects: ProjectsService,
    private readonly executor: CommandExecutor,
    private readonly commands: CommandRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.after(FIRST_MS);
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Sweeps all running projects; one that cannot be swept now is swept in a later round. */
  async sweep(): Promise<void> {
    for await (const id of this.projects.runningIds()) {
      if (this.stopped) return;
      try {
        await this.sweepProject(id);
      } catch (error) {
        this.logger.debug({ err: error, projectId: id }, 'A project could not be swept');
      }
    }
  }

  private async sweepProject(projectId: string): Promise<void> {
    for (const instance of await this.executor.instances(projectId)) await this.sweepInstance(instance);
  }

  private async sweepInstance(instance: Instance): Promise<void> {
    for (const id of await this.executor.sweep(instance, MAX_AGE_SECONDS)) {
      const command = await this.commands.findSummary(id);
      // An unknown command may belong to another install.
      if (command !== null && hasEnded(command.status)) await this.executor.cancel(instance, id, 0);
    }
  }

  private after(ms: number): void {
    this.timer = setTimeout(() => {
      this.sweep()
        .catch((error: unknown) => {
          this.logger.warn({ err: error }, 'The spools could not be swept');
        })
        .finally(() => {
          if (!this.stopped) this.after(INTERVAL_MS);
        });
    }, ms);
  }
}
