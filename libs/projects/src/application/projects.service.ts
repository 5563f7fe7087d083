import { setTimeout as sleep } from 'node:timers/promises';
import {
  Batch,
  type Caller,
  EventLog,
  Idempotency,
  NotFound,
  type Page,
  type PageRequest,
  Transactor,
  decodeCursor,
  maySeeProject,
  toPage,
} from '@app/kernel';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import {
  type ManagedProject,
  type ObservedProject,
  type Project,
  type ProjectChange,
  type ProjectSpec,
  type ProjectStatus,
  byAge,
  canWake,
  fromManaged,
  hasLabels,
  needsRestart,
} from '../domain/project.js';
import { projectCreated, projectStatusChanged, projectUpdated } from '../domain/project.events.js';
import { ProjectExists, ProjectNotManaged, ProjectNotRunning, ProjectTerminating } from '../domain/project.errors.js';
import { ProjectHooks, type ProjectUser } from './project-hooks.js';
import { ProjectRepository } from './project.repository.js';
import { ProjectRuntime } from './project-runtime.js';
import { Reconciler } from './reconciler.js';

/** A deletion that takes longer goes on without the request. */
const DELETION_WAIT_MS = 15_000;
const DELETION_POLL_MS = 50;
/** Commands that are created within that time are noted together. */
const NOTE_MS = 100;

export interface ProjectFilter {
  readonly status?: ProjectStatus | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Projects, as one caller may see them. */
@Injectable()
export class ProjectsService implements BeforeApplicationShutdown {
  private readonly creations = new Batch<string>(NOTE_MS, (ids) => {
    this.note(ids, 'created');
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

  /** @throws {@link ProjectExists}, {@link InvalidInput}, or {@link NotFound} if the caller may not see such an id */
  async create(spec: ProjectSpec, caller: Caller): Promise<Project> {
    this.runtime.validate(spec);
    if (!maySeeProject(caller, spec.id)) throw new NotFound('project', spec.id);
    const { id, isReplay } = await this.idempotency.once(async () => {
      if (this.runtime.find(spec.id) !== null) throw new ProjectExists(spec.id);
      await this.projects.insert(spec, 'pending');
      await this.events.add(projectCreated(spec));
      return spec.id;
    });
    // A directory is made in no time, and can be used at once; anything else takes its time in the background.
    if (!isReplay && this.runtime.kind === 'local' && spec.gitUrl === null) await this.reconciler.lookAfter(id);
    else this.reconciler.wake();
    return this.get(id, caller);
  }

  async list(filter: ProjectFilter, { limit, cursor }: PageRequest, caller: Caller): Promise<Page<Project>> {
    const after = cursor === undefined ? null : decodeCursor(cursor, 'number', 'string');
    const managed = (await this.projects.all()).map((project) => this.see(project));
    const known = new Set(managed.map(({ id }) => id));
    const unmanaged = this.runtime.observed().filter(({ id }) => !known.has(id));
    const matching = [...managed, ...unmanaged]
      .filter(({ id }) => maySeeProject(caller, id))
      .filter((project) => filter.status === undefined || project.status === filter.status)
      .filter((project) => hasLabels(project, filter.labels))
      .sort(byAge)
      .filter((project) => after === null || isAfter(project, after))
      .slice(0, limit + 1);
    const lastCommandAt = await this.projects.lastCommandAt(matching.map(({ id }) => id));
    const rows = matching.map((seen) => this.toProject(seen, known.has(seen.id), lastCommandAt.get(seen.id) ?? null));
    return toPage(rows, limit, ({ createdAt, id }) => [createdAt.getTime(), id]);
  }

  /** @throws {@link NotFound}, also when the caller may not see it */
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
   * Lets a command in, in the caller's transaction: the project runs, or will without anybody's help. One that is stopped
   * is started for it.
   * @throws {@link NotFound} or {@link ProjectNotRunning}
   */
  async admitCommand(id: string, caller: Caller): Promise<void> {
    const { seen, managed } = await this.find(id, caller);
    if (managed === null) {
      if (seen.status !== 'running') throw new ProjectNotRunning(id, seen.status, seen.reason);
      return;
    }
    if (managed.status === 'running' && managed.idleStopSeconds === null) return;
    // Whoever stops the project, for idleness too, takes the same lock: it sees the command, or the command sees the stop.
    const locked = await this.projects.lock(id);
    if (locked === null) throw new NotFound('project', id);
    if (locked.status === 'running') return;
    if (!canWake(locked)) throw new ProjectNotRunning(id, locked.status, locked.reason);
    if (locked.desired === 'stopped') await this.switchOn(id);
  }

  /** The projects that run now, whoever may see them. */
  async runningIds(): Promise<readonly string[]> {
    const managed = (await this.projects.all()).map((project) => this.see(project));
    const known = new Set(managed.map(({ id }) => id));
    const unmanaged = this.runtime.observed().filter(({ id }) => !known.has(id));
    return [...managed, ...unmanaged].filter(({ status }) => status === 'running').map(({ id }) => id);
  }

  /** Whether it was made through the API. */
  async isManaged(id: string): Promise<boolean> {
    return (await this.projects.findById(id)) !== null;
  }

  /** The variables that each command of the project gets. */
  async environment(id: string): Promise<Readonly<Record<string, string>>> {
    return (await this.projects.findById(id))?.env ?? {};
  }

  /** Changes what is given. @throws {@link NotFound}, {@link ProjectNotManaged}, {@link ProjectTerminating} or {@link InvalidInput} */
  async update(id: string, change: ProjectChange, caller: Caller): Promise<Project> {
    return this.steer(id, caller, async (project) => {
      this.runtime.validate({ ...project, ...change });
      if (Object.keys(change).length === 0) return;
      await this.events.add(projectUpdated(id, Object.keys(change)));
      if (project.desired === 'stopped' || !needsRestart(change)) await this.projects.change(id, change);
      else
        await this.turn(id, { ...change, status: 'stopping', reason: 'it is being restarted with what was changed' });
    });
  }

  /** Does nothing if it is to run already. @throws {@link NotFound}, {@link ProjectNotManaged} or {@link ProjectTerminating} */
  async start(id: string, caller: Caller): Promise<Project> {
    return this.steer(id, caller, async ({ desired }) => {
      if (desired === 'stopped') await this.switchOn(id);
      else await this.projects.makeDue(id);
    });
  }

  /** Its commands are cancelled, its files stay. @throws as {@link start} */
  async stop(id: string, caller: Caller): Promise<Project> {
    return this.steer(id, caller, async ({ desired }) => {
      if (desired === 'running') await this.turn(id, { desired: 'stopped', status: 'stopping', reason: null });
    });
  }

  /** Its commands are cancelled, and it comes back anew. @throws as {@link start} */
  async restart(id: string, caller: Caller): Promise<Project> {
    return this.steer(id, caller, async ({ desired, restarts }) => {
      if (desired === 'stopped') await this.switchOn(id);
      else
        await this.turn(id, {
          desired: 'running',
          status: 'stopping',
          reason: 'it is being restarted',
          restarts: restarts + 1,
        });
    });
  }

  /** Answers null when it is gone, else the project that is still being deleted. @throws {@link NotFound} or {@link ProjectNotManaged} */
  async delete(id: string, keepStorage: boolean, caller: Caller): Promise<Project | null> {
    await this.assertManaged(id, caller);
    await this.transactor.run(async () => {
      // Terminating first: whatever happens in between, somebody goes on with it.
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

  /** Lets something that uses projects have its say. */
  addUser(user: ProjectUser): void {
    this.hooks.add(user);
  }

  /** Runs the work before a project's files go; it may run more than once. */
  beforeDelete(work: (projectId: string) => Promise<void>): void {
    this.hooks.addDeletion(work);
  }

  /**
   * Notes that a command was created or has ended. A creation may wait for others, out of the way of its start: until it has ended the
   * command itself keeps its project from being idle.
   */
  noteCommand(id: string, what: 'created' | 'ended'): void {
    if (what === 'created') this.creations.add(id);
    else this.note([id], what);
  }

  private note(ids: readonly string[], what: 'created' | 'ended'): void {
    this.projects.touch(ids, what).catch(() => undefined);
  }

  private async find(id: string, caller: Caller): Promise<{ seen: ObservedProject; managed: ManagedProject | null }> {
    if (!maySeeProject(caller, id)) throw new NotFound('project', id);
    const managed = await this.projects.findById(id);
    const seen = managed === null ? this.runtime.find(id) : this.see(managed);
    if (seen === null) throw new NotFound('project', id);
    return { seen, managed };
  }

  private async assertManaged(id: string, caller: Caller): Promise<void> {
    const { managed } = await this.find(id, caller);
    if (managed === null) throw new ProjectNotManaged(id);
  }

  /** Runs the work while nobody else changes the project, and has it looked after. */
  private async steer(id: string, caller: Caller, work: (project: ManagedProject) => Promise<void>): Promise<Project> {
    await this.assertManaged(id, caller);
    await this.transactor.run(async () => {
      const project = await this.projects.lock(id);
      if (project === null) throw new NotFound('project', id);
      if (project.status === 'terminating') throw new ProjectTerminating(id);
      await work(project);
    });
    this.reconciler.wake();
    return this.get(id, caller);
  }

  private async switchOn(id: string): Promise<void> {
    await this.turn(id, { desired: 'running', status: 'pending', reason: null });
    this.transactor.afterCommit(() => {
      this.reconciler.wake();
    });
  }

  private async turn(id: string, change: ProjectChange & Pick<ManagedProject, 'status' | 'reason'>): Promise<void> {
    await this.projects.change(id, change);
    await this.events.add(projectStatusChanged(id, change.status, change.reason));
  }

  private see(project: ManagedProject): ObservedProject {
    return fromManaged(project, this.runtime.lastSeen(project.id));
  }

  private toProject(seen: ObservedProject, managed: boolean, lastCommandAt: Date | null): Project {
    const { kind, stale } = this.runtime;
    return { ...seen, runtime: kind, lastCommandAt, managed, stale };
  }
}

function isAfter({ createdAt, id }: ObservedProject, [time, last]: readonly [number, string]): boolean {
  return createdAt.getTime() < time || (createdAt.getTime() === time && id < last);
}
