import { EventLog, Transactor } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type ManagedProject, projectDeleted, projectStatusChanged } from '../domain/project.js';
import { ProjectRepository } from './project.repository.js';
import { ProjectRuntime } from './project-runtime.js';

interface Job {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Makes projects ready in the background, and finishes at the next start what a crash interrupted. */
@Injectable()
export class Provisioner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Provisioner.name);
  private readonly jobs = new Map<string, Job>();

  constructor(
    private readonly projects: ProjectRepository,
    private readonly runtime: ProjectRuntime,
    private readonly transactor: Transactor,
    private readonly events: EventLog,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const { id, status } of await this.projects.all()) {
      if (status === 'pending') void this.begin(id);
      if (status === 'terminating') void this.remove(id);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.jobs.keys()].map((id) => this.stop(id)));
  }

  /** Starts the work; resolves at once if it takes long (a clone), else when it is done. */
  async begin(id: string): Promise<void> {
    const project = await this.projects.findById(id);
    if (project === null || this.jobs.has(id)) return;
    const abort = new AbortController();
    const done = this.provision(project, abort.signal).finally(() => this.jobs.delete(id));
    this.jobs.set(id, { abort, done });
    if (project.gitUrl === null) await done;
  }

  /** Gives up the work on a project, if there is any. */
  async stop(id: string): Promise<void> {
    const job = this.jobs.get(id);
    job?.abort.abort();
    await job?.done;
  }

  private async provision(project: ManagedProject, signal: AbortSignal): Promise<void> {
    try {
      await this.runtime.provision(project, signal);
      await this.finish(project.id, null);
    } catch (error) {
      if (signal.aborted) return;
      await this.finish(project.id, error instanceof Error ? error.message : 'unknown').catch((cause: unknown) => {
        this.logger.error({ err: cause, projectId: project.id }, 'The outcome of provisioning could not be kept');
      });
    }
  }

  private async finish(id: string, failure: string | null): Promise<void> {
    const status = failure === null ? 'running' : 'failed';
    await this.transactor.run(async () => {
      if (!(await this.projects.setStatus(id, status, failure))) return;
      await this.events.add(projectStatusChanged(id, status, failure));
    });
  }

  private async remove(id: string): Promise<void> {
    await this.runtime.dispose(id);
    await this.transactor.run(async () => {
      if (await this.projects.delete(id)) await this.events.add(projectDeleted(id));
    });
  }
}
