import { Clock, EventLog, Poller, Transactor, Unavailable, newLeaseOwner } from '@app/kernel';
import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { type Finding, type ManagedProject, withLoss } from '../domain/project.js';
import { projectDeleted, projectStatusChanged, projectVolumeLost } from '../domain/project.events.js';
import { ProjectHooks } from './project-hooks.js';
import { ProjectRepository, eachId } from './project.repository.js';
import { ProjectRuntime } from './project-runtime.js';

/** Hints wake the poller; this interval covers lost hints and work left by other replicas. */
const POLL_MS = 1_000;
const LEASE_SECONDS = 15;
const RENEW_MS = 5_000;
const CONCURRENT_MAX = 20;
/** How often a project is reconciled without any notification: manual changes are noticed by then. */
const SETTLED_SECONDS = 30;
/** Limits the output of programs and the cluster in a reason. */
const REASON_CHARS_MAX = 1_000;
const RETRY_SECONDS = { min: 1, max: 30 };

/**
 * Reconciles projects with their desired state. One replica at a time reconciles a project, under a lease. It relies on
 * observed state and not on earlier work, so the next reconciliation repairs crashes, lost hints and manual changes.
 */
@Injectable()
export class Reconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Reconciler.name);
  private readonly owner = newLeaseOwner();
  private readonly running = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly poller = new Poller(
    () => this.round(),
    POLL_MS,
    (error) => {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'Projects could not be reconciled');
    },
  );
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly projects: ProjectRepository,
    private readonly runtime: ProjectRuntime,
    private readonly hooks: ProjectHooks,
    private readonly transactor: Transactor,
    private readonly events: EventLog,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.runtime.onChange((id) => {
      this.requeue(id);
    });
    this.poller.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    this.stopping.abort();
    await this.poller.stop();
    await Promise.all(this.running.values());
  }

  /** Something is due. */
  wake(): void {
    this.poller.wake();
  }

  /** Reconciles one project now, within the caller's request; does nothing if a replica is already reconciling it. */
  async reconcile(id: string): Promise<void> {
    await this.claim(1, id);
    await this.running.get(id);
  }

  private requeue(id: string): void {
    this.projects.makeDue(id).then(
      () => {
        this.wake();
      },
      // It is reconciled later anyway.
      () => undefined,
    );
  }

  private async round(): Promise<boolean> {
    await this.endExpired();
    await this.stopIdle();
    const room = CONCURRENT_MAX - this.running.size;
    return room > 0 && (await this.claim(room)) === room;
  }

  private async claim(max: number, id?: string): Promise<number> {
    const claimed = await this.projects.claim(this.owner, LEASE_SECONDS, max, id);
    for (const project of claimed) {
      const run = this.sync(project).finally(() => {
        this.running.delete(project.id);
        this.wake();
      });
      this.running.set(project.id, run);
    }
    return claimed.length;
  }

  /** Reconciles one project; never rejects. */
  private async sync(project: ManagedProject): Promise<void> {
    const { id } = project;
    const lost = new AbortController();
    const signal = AbortSignal.any([this.stopping.signal, lost.signal]);
    const renewing = setInterval(() => {
      this.projects.renew(id, this.owner, LEASE_SECONDS).then(
        (held) => {
          if (!held) lost.abort();
        },
        // A lease that cannot be renewed expires; doing the work twice is safe.
        () => undefined,
      );
    }, RENEW_MS);
    let isSettled = false;
    try {
      isSettled = await this.apply(project, signal);
    } catch (error) {
      const isKnown = signal.aborted || error instanceof Unavailable;
      if (!isKnown) this.logger.error({ err: error, projectId: id }, 'A project could not be reconciled');
    } finally {
      clearInterval(renewing);
    }
    const seconds = signal.aborted ? 0 : isSettled ? SETTLED_SECONDS : retrySeconds(project, this.clock.now());
    await this.projects.release(id, this.owner, seconds).catch(() => undefined);
  }

  /** Returns whether nothing is left to do or to wait for. */
  private async apply(project: ManagedProject, signal: AbortSignal): Promise<boolean> {
    if (project.status === 'terminating') return this.remove(project, signal);
    if (project.status === 'stopping') {
      const { id: projectId, changedAt: before } = project;
      await this.hooks.leave({ projectId, before, why: leaveReason(project) }, signal);
    }
    const finding = await this.runtime.reconcile(project, signal);
    await this.note(project, finding);
    return finding.status === 'running' || finding.status === 'stopped';
  }

  private async note(project: ManagedProject, { status, volume, ...finding }: Finding): Promise<void> {
    const { id } = project;
    await this.transactor.run(async () => {
      const isLost = volume !== undefined && (await this.noteVolume(project, volume));
      const reason = bounded(withLoss({ volumeLost: project.volumeLost || isLost }, finding.reason));
      if (!(await this.projects.observe(project, { status, reason }))) return;
      await this.events.add(projectStatusChanged(id, status, reason));
      this.transactor.afterCommit(() => {
        if (status === 'running') this.hooks.onRunning(id);
      });
    });
  }

  /** Returns whether the files of the project were lost with their volume. */
  private async noteVolume(project: ManagedProject, volume: string): Promise<boolean> {
    if (project.volume === volume || !(await this.projects.noteVolume(project, volume))) return false;
    await this.events.add(projectVolumeLost(project.id, project.volume ?? ''));
    return true;
  }

  private async remove(project: ManagedProject, signal: AbortSignal): Promise<boolean> {
    const { id } = project;
    await this.hooks.leave({ projectId: id, before: null, why: leaveReason(project) }, signal);
    await this.hooks.onDelete(id);
    if (!isSame(project, await this.projects.findById(id))) return false;
    if (!(await this.runtime.remove(project, signal))) return false;
    return this.transactor.run(async () => {
      if (!isSame(project, await this.projects.lock(id))) return false;
      if (await this.projects.delete(id)) await this.events.add(projectDeleted(id));
      return true;
    });
  }

  private async endExpired(): Promise<void> {
    for await (const id of eachId((after) => this.projects.expired(after))) {
      await this.transactor.run(async () => {
        const reason = 'its time to live has passed';
        if (await this.projects.change(id, { status: 'terminating', reason }))
          await this.events.add(projectStatusChanged(id, 'terminating', reason));
      });
    }
  }

  private async stopIdle(): Promise<void> {
    for await (const id of eachId((after) => this.projects.idle(after))) {
      await this.transactor.run(async () => {
        // Creating a command for such a project takes the same lock first.
        const project = await this.projects.lock(id);
        if (project?.status !== 'running' || (await this.hooks.isActive(id))) return;
        const reason = `no command has run for ${String(project.idleStopSeconds)} s`;
        await this.projects.change(id, { desired: 'stopped', status: 'stopping', reason });
        await this.events.add(projectStatusChanged(id, 'stopping', reason));
      });
    }
  }
}

/** The reason given to the commands that end with it. */
function leaveReason({ status, desired, reason }: ManagedProject): string {
  if (status === 'stopping' && desired === 'running') return 'The project was restarted.';
  return `The project was ${status === 'terminating' ? 'deleted' : 'stopped'}${reason === null ? '' : `: ${reason}`}.`;
}

/** While this replica was paused, another one may have deleted the project, and a new one may have its id. */
function isSame({ createdAt }: ManagedProject, found: ManagedProject | null): boolean {
  return found?.createdAt.getTime() === createdAt.getTime();
}

/** The longer a project takes, the less often it is reconciled. */
function retrySeconds({ changedAt }: ManagedProject, now: Date): number {
  const { min, max } = RETRY_SECONDS;
  return Math.min(max, Math.max(min, (now.getTime() - changedAt.getTime()) / 4_000));
}

/** Advice is at the end, after a program's output, so a long reason is shortened in the middle. */
export function bounded(reason: string | null): string | null {
  if (reason === null || reason.length <= REASON_CHARS_MAX) return reason;
  const half = REASON_CHARS_MAX / 2 - 1;
  return `${reason.slice(0, half)}…${reason.slice(-half)}`.toWellFormed();
}
