import { setTimeout as sleep } from 'node:timers/promises';
import {
  Coalescer,
  type Caller,
  EventLog,
  Idempotency,
  InvalidCursor,
  NotFound,
  type Page,
  type PageRequest,
  ResourceGone,
  Transactor,
  type Unavailable,
  decodeCursor,
  maySeeProject,
  toPage,
} from '@app/kernel';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import {
  type ManagedProject,
  type ObservedProject,
  type PlaceInList,
  type Project,
  type ProjectChange,
  type ProjectSpec,
  byAge,
  canWake,
  fromManaged,
  hasLabels,
  needsRestart,
} from '../domain/project.js';
import { projectCreated, projectStatusChanged, projectUpdated } from '../domain/project.events.js';
import { ProjectExists, ProjectNotManaged, ProjectNotRunning, ProjectTerminating } from '../domain/project.errors.js';
import { ProjectHooks, type ProjectDependent } from './project-hooks.js';
import { type ProjectFilter, ProjectRepository, eachId } from './project.repository.js';
import { ProjectRuntime } from './project-runtime.js';
import { Reconciler } from './reconciler.js';

/** A deletion that takes longer continues after the response. */
const DELETION_WAIT_MS = 15_000;
const DELETION_POLL_MS = 50;
/** Commands created within this time are recorded together. */
const NOTE_MS = 100;

/** When a command of the project was created. */
export interface CommandUse {
  readonly projectId: string;
  readonly createdAt: Date;
}

/** Projects, as one caller may see them. */
@Injectable()
export class ProjectsService implements BeforeApplicationShutdown {
  private readonly creations = new Coalescer<CommandUse>(NOTE_MS, (uses) => {
    this.note(uses);
  });

  constructor(
    private readonly projects: ProjectRepository,
    private readonly runtime: ProjectRuntime,
    private readonly reconciler: Reconciler,
    private readonly hooks: ProjectHooks,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
  ) {}

  beforeApplicationShutdown(): void {
    this.creations.flush();
  }

  /**
   * @throws {@link ProjectExists}, {@link InvalidInput}, {@link NotFound} if the caller may not see such an id, or
   *   {@link ResourceGone} if an earlier request created the project and it has been deleted since
   */
  async create(spec: ProjectSpec, caller: Caller): Promise<Project> {
    this.runtime.validate(spec);
    if (!maySeeProject(caller, spec.id)) throw new NotFound('project', spec.id);
    // Checked before the transaction, which must not wait for the cluster; irrelevant for a replay.
    const isFree = this.runtime.assertFree(spec.id);
    await isFree.catch(() => undefined);
    const { id, replayOf } = await this.idempotency.once(async () => {
      await isFree;
      if (this.runtime.find(spec.id) !== null) throw new ProjectExists(spec.id);
      await this.projects.insert(spec, 'pending');
      await this.events.add(projectCreated(spec));
      return spec.id;
    });
    if (replayOf !== null) return this.replayed(id, replayOf, caller);
    if (this.runtime.isInstant && spec.gitUrl === null) await this.reconciler.reconcile(id);
    else this.reconciler.wake();
    return this.get(id, caller);
  }

  /** A later project with the same id is a different one. */
  private async replayed(id: string, madeAt: Date, caller: Caller): Promise<Project> {
    const project = await this.projects.findById(id);
    if (project === null || project.createdAt > madeAt) throw new ResourceGone('project', id);
    return this.get(id, caller);
  }

  async list(filter: ProjectFilter, { limit, cursor }: PageRequest, caller: Caller): Promise<Page<Project>> {
    const after = cursor === undefined ? null : toPlace(decodeCursor(cursor, 'number', 'string'));
    const managed = await this.projects.list(filter, caller.projects, limit + 1, after);
    // Managed projects beyond the read ones are on the next page, and so are the unmanaged ones among them.
    const end = managed.hasMore ? (managed.data.at(-1) ?? null) : null;
    const unmanaged = (await this.unmanaged(filter, caller)).filter(
      (project) => (after === null || byAge(after, project) < 0) && (end === null || byAge(project, end) < 0),
    );
    const seen = [
      ...managed.data.map((project) => ({ ...this.observe(project), isManaged: true })),
      ...unmanaged.map((project) => ({ ...project, isManaged: false })),
    ];
    const first = seen.sort(byAge).slice(0, limit + 1);
    const lastCommandAt = await this.projects.lastCommandAt(first.map(({ id }) => id));
    const rows = first.map(({ isManaged, ...project }) =>
      this.toProject(project, isManaged, lastCommandAt.get(project.id) ?? null),
    );
    return toPage(rows, limit, ({ createdAt, id }) => [createdAt.getTime(), id], managed.hasMore);
  }

  /** @throws {@link NotFound}, also if the caller may not see it */
  async get(id: string, caller: Caller): Promise<Project> {
    const { seen, managed } = await this.find(id, caller);
    const lastCommandAt = await this.projects.lastCommandAt([id]);
    return this.toProject(seen, managed !== null, lastCommandAt.get(id) ?? null);
  }

  /** @throws as {@link get} */
  async assertVisible(id: string, caller: Caller): Promise<void> {
    await this.find(id, caller);
  }

  /**
   * Admits a command, in the caller's transaction: the project is running or will be without further requests. Starts a
   * stopped project if needed.
   * @throws {@link NotFound}, {@link ProjectNotRunning}, or Unavailable while the runtime is
   */
  async admitCommand(id: string, caller: Caller): Promise<void> {
    const { seen, managed } = await this.find(id, caller);
    if (this.outage !== null) throw this.outage;
    if (managed === null) {
      if (seen.status !== 'running') throw new ProjectNotRunning(id, seen.status, seen.reason);
      return;
    }
    if (managed.status === 'running' && managed.idleStopSeconds === null) return;
    // Stopping the project, also when idle, takes the same lock: either it sees the command, or the command sees the
    // stop.
    const locked = await this.projects.lock(id);
    if (locked === null) throw new NotFound('project', id);
    if (locked.status === 'running') return;
    if (!canWake(locked)) throw new ProjectNotRunning(id, locked.status, locked.reason);
    if (locked.desired === 'stopped') await this.startProject(id);
  }

  /** Why no project takes commands now; null if the runtime is available. */
  get outage(): Unavailable | null {
    return this.runtime.outage;
  }

  /** All running projects, visible to any key or not. */
  async *runningIds(): AsyncGenerator<string> {
    yield* eachId((after) => this.projects.running(after));
    for (const { id } of await this.unmanaged({ status: 'running', labels: {} }, { projects: null })) yield id;
  }

  /** The record of a project that was created through the API; null: it was not. */
  findManaged(id: string): Promise<ManagedProject | null> {
    return this.projects.findById(id);
  }

  /** Whether a command can name the container that it runs in. */
  get hasContainers(): boolean {
    return this.runtime.hasContainers;
  }

  /** The default directory of the project's commands; used if it exists. */
  directoryOf(id: string): string {
    return this.runtime.directoryOf(id);
  }

  /** The variables of all commands of the project. */
  environment(id: string): Promise<Readonly<Record<string, string>>> {
    return this.projects.environment(id);
  }

  /**
   * Changes the given fields. @throws {@link NotFound}, {@link ProjectNotManaged}, {@link ProjectTerminating} or {@link
   * InvalidInput}
   */
  async update(id: string, change: ProjectChange, caller: Caller): Promise<Project> {
    return this.updateLocked(id, caller, async (project) => {
      this.runtime.validate({ ...project, ...change });
      if (Object.keys(change).length === 0) return;
      await this.events.add(projectUpdated(id, Object.keys(change)));
      if (project.desired === 'stopped' || !needsRestart(change)) await this.projects.change(id, change);
      else
        await this.transition(id, {
          ...change,
          status: 'stopping',
          reason: 'it is being restarted to apply the change',
        });
    });
  }

  /**
   * Does nothing if it should already run and has not failed. @throws {@link NotFound}, {@link ProjectNotManaged} or
   * {@link ProjectTerminating}
   */
  async start(id: string, caller: Caller): Promise<Project> {
    return this.updateLocked(id, caller, async ({ desired, status, volumeLost }) => {
      if (desired === 'stopped' || status === 'failed') return this.startProject(id, { volumeLost: false });
      if (!volumeLost) return this.projects.makeDue(id);
      await this.projects.change(id, { volumeLost: false, reason: null });
      await this.events.add(projectUpdated(id, ['volumeLost']));
    });
  }

  /** Cancels its commands and keeps its files. @throws as {@link start} */
  async stop(id: string, caller: Caller): Promise<Project> {
    return this.updateLocked(id, caller, async ({ desired }) => {
      if (desired === 'running') await this.transition(id, { desired: 'stopped', status: 'stopping', reason: null });
    });
  }

  /** Cancels its commands and recreates it with its files. @throws as {@link start} */
  async restart(id: string, caller: Caller): Promise<Project> {
    return this.updateLocked(id, caller, async ({ desired, restarts }) => {
      if (desired === 'stopped') await this.startProject(id, { volumeLost: false });
      else
        await this.transition(id, {
          volumeLost: false,
          desired: 'running',
          status: 'stopping',
          reason: 'it is being restarted',
          restarts: restarts + 1,
        });
    });
  }

  /**
   * Returns null once it is gone, or the project if it is still being deleted. @throws {@link NotFound} or {@link
   * ProjectNotManaged}
   */
  async delete(id: string, keepStorage: boolean, caller: Caller): Promise<Project | null> {
    await this.assertManaged(id, caller);
    await this.transactor.run(async () => {
      // Terminating first: if this replica dies, another one continues.
      if (await this.projects.change(id, { status: 'terminating', reason: null, keepStorage }))
        await this.events.add(projectStatusChanged(id, 'terminating', null));
    });
    this.reconciler.wake();
    const deadline = performance.now() + DELETION_WAIT_MS;
    while ((await this.projects.findById(id)) !== null) {
      if (performance.now() > deadline) return this.get(id, caller);
      await sleep(DELETION_POLL_MS);
    }
    return null;
  }

  /** Registers a dependent of projects. */
  addDependent(dependent: ProjectDependent): void {
    this.hooks.add(dependent);
  }

  /** Runs the work before a project's files are removed; possibly more than once. */
  beforeDelete(work: (projectId: string) => Promise<void>): void {
    this.hooks.addDeletion(work);
  }

  /**
   * Records that a command was created or has ended. Creations are batched to keep them out of the way of the start:
   * until it has ended, the command itself keeps its project from being idle.
   */
  noteCommand({ projectId, createdAt }: CommandUse, what: 'created' | 'ended'): void {
    if (what === 'created') this.creations.add({ projectId, createdAt });
    else this.note([{ projectId, createdAt }]);
  }

  private note(uses: readonly CommandUse[]): void {
    const newest = new Map<string, Date>();
    for (const { projectId, createdAt } of uses) {
      if (createdAt >= (newest.get(projectId) ?? createdAt)) newest.set(projectId, createdAt);
    }
    const seen = [...newest.keys()].filter((id) => this.runtime.lastSeen(id) !== null);
    this.projects.touch(newest, seen).catch(() => undefined);
  }

  private async find(id: string, caller: Caller): Promise<{ seen: ObservedProject; managed: ManagedProject | null }> {
    if (!maySeeProject(caller, id)) throw new NotFound('project', id);
    const managed = await this.projects.findById(id);
    const seen = managed === null ? this.runtime.find(id) : this.observe(managed);
    if (seen === null) throw new NotFound('project', id);
    return { seen, managed };
  }

  private async assertManaged(id: string, caller: Caller): Promise<void> {
    const { managed } = await this.find(id, caller);
    if (managed === null) throw new ProjectNotManaged(id);
  }

  /** Runs the work with the project locked, and has it reconciled. */
  private async updateLocked(
    id: string,
    caller: Caller,
    work: (project: ManagedProject) => Promise<void>,
  ): Promise<Project> {
    await this.assertManaged(id, caller);
    await this.idempotency.once(async () => {
      const project = await this.projects.lock(id);
      if (project === null) throw new NotFound('project', id);
      if (project.status === 'terminating') throw new ProjectTerminating(id);
      await work(project);
      return id;
    });
    this.reconciler.wake();
    return this.get(id, caller);
  }

  private async startProject(id: string, change: ProjectChange = {}): Promise<void> {
    await this.transition(id, { ...change, desired: 'running', status: 'pending', reason: null });
    this.transactor.afterCommit(() => {
      this.reconciler.wake();
    });
  }

  private async transition(
    id: string,
    change: ProjectChange & Pick<ManagedProject, 'status' | 'reason'>,
  ): Promise<void> {
    await this.projects.change(id, change);
    await this.events.add(projectStatusChanged(id, change.status, change.reason));
  }

  /** Projects observed by the runtime that are not in the repository. */
  private async unmanaged(
    filter: ProjectFilter,
    caller: Pick<Caller, 'projects'>,
  ): Promise<readonly ObservedProject[]> {
    const seen = this.runtime
      .observed()
      .filter(({ id }) => maySeeProject(caller, id))
      .filter((project) => filter.status === undefined || project.status === filter.status)
      .filter((project) => hasLabels(project, filter.labels));
    if (seen.length === 0) return [];
    const unknown = new Set(await this.projects.unknown(seen.map(({ id }) => id)));
    return seen.filter(({ id }) => unknown.has(id));
  }

  private observe(project: ManagedProject): ObservedProject {
    return fromManaged(project, this.runtime.lastSeen(project.id));
  }

  private toProject(seen: ObservedProject, managed: boolean, lastCommandAt: Date | null): Project {
    const { kind, stale } = this.runtime;
    return { ...seen, runtime: kind, lastCommandAt, managed, stale };
  }
}

/** @throws {@link InvalidCursor} if the time is invalid */
function toPlace([time, id]: readonly [number, string]): PlaceInList {
  const createdAt = new Date(time);
  if (!(createdAt.getTime() >= 0)) throw new InvalidCursor();
  return { createdAt, id };
}
