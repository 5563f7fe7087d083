import { CommandHints } from '@app/commands';
import { type Caller, EventLog, Idempotency, type Page, type PageRequest, Transactor } from '@app/kernel';
import { ProjectsService } from '@app/projects';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AllQueuesOutOfReach } from '../domain/queue.errors.js';
import { queuePaused, queueResumed } from '../domain/queue.events.js';
import { type ProjectQueue, QueueRepository } from './queue.repository.js';

export interface QueueOverview extends Page<ProjectQueue> {
  /** Whether every queue is paused. */
  readonly isPaused: boolean;
}

/** The queues, as one caller may see them. A pause lasts until the queue is resumed, across restarts. */
@Injectable()
export class QueueService implements OnModuleInit {
  constructor(
    private readonly queues: QueueRepository,
    private readonly projects: ProjectsService,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly hints: CommandHints,
  ) {}

  onModuleInit(): void {
    // Otherwise a later project with the same id would start paused.
    this.projects.beforeDelete((projectId) => this.setPaused(projectId, false));
  }

  async overview(page: PageRequest, caller: Caller): Promise<QueueOverview> {
    return { isPaused: await this.queues.isPaused(null), ...(await this.queues.list(caller.projects, page)) };
  }

  /** Running commands continue. Returns whether the queues are paused now. @throws {@link AllQueuesOutOfReach} */
  async pauseAll(isPaused: boolean, caller: Caller): Promise<boolean> {
    if (caller.projects !== null) throw new AllQueuesOutOfReach();
    return this.once(null, isPaused);
  }

  /** Returns whether the queue is paused now. @throws {@link NotFound} */
  async pause(projectId: string, isPaused: boolean, caller: Caller): Promise<boolean> {
    await this.projects.assertVisible(projectId, caller);
    return this.once(projectId, isPaused);
  }

  private async once(projectId: string | null, isPaused: boolean): Promise<boolean> {
    const { replayOf } = await this.idempotency.once(async () => {
      await this.setPaused(projectId, isPaused);
      return projectId ?? '';
    });
    return replayOf === null ? isPaused : this.queues.isPaused(projectId);
  }

  private async setPaused(projectId: string | null, isPaused: boolean): Promise<void> {
    await this.transactor.run(async () => {
      const isChanged = isPaused ? await this.queues.pause(projectId) : await this.queues.resume(projectId);
      if (isChanged) await this.events.add(isPaused ? queuePaused(projectId) : queueResumed(projectId));
      this.transactor.afterCommit(() => {
        this.hints.queueChanged();
      });
    });
  }
}
