import {
  type Caller,
  EventLog,
  Idempotency,
  InvalidInput,
  NotFound,
  type Page,
  type PageRequest,
  Transactor,
  decodeCursor,
  maySeeProject,
  toPage,
} from '@app/kernel';
import { Injectable } from '@nestjs/common';
import {
  type ObservedProject,
  type Project,
  type ProjectSpec,
  type ProjectStatus,
  byAge,
  fromManaged,
  hasLabels,
  projectCreated,
  projectDeleted,
} from '../domain/project.js';
import { ProjectExists, ProjectNotManaged, ProjectNotRunning } from '../domain/project.errors.js';
import { ProjectRepository } from './project.repository.js';
import { ProjectRuntime } from './project-runtime.js';
import { Provisioner } from './provisioner.js';

export interface ProjectFilter {
  readonly status?: ProjectStatus | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Projects, as one caller may see them. */
@Injectable()
export class ProjectsService {
  private readonly deletionHooks: ((projectId: string) => Promise<void>)[] = [];

  constructor(
    private readonly projects: ProjectRepository,
    private readonly runtime: ProjectRuntime,
    private readonly provisioner: Provisioner,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
  ) {}

  /** @throws {@link ProjectExists}, or {@link NotFound} if the caller may not see such an id */
  async create(spec: ProjectSpec, caller: Caller): Promise<Project> {
    if (!this.runtime.canCreate) {
      const detail = 'projects cannot be created on this runtime; label a pod with rdev.dev/project=<id>';
      throw new InvalidInput([{ pointer: '#/id', detail }]);
    }
    if (!maySeeProject(caller, spec.id)) throw new NotFound('project', spec.id);
    const { id, isReplay } = await this.idempotency.once(async () => {
      if (this.runtime.find(spec.id) !== null) throw new ProjectExists(spec.id);
      await this.projects.insert(spec, 'pending');
      await this.events.add(projectCreated(spec));
      return spec.id;
    });
    if (!isReplay) await this.provisioner.begin(id);
    return this.get(id, caller);
  }

  async list(filter: ProjectFilter, { limit, cursor }: PageRequest, caller: Caller): Promise<Page<Project>> {
    const after = cursor === undefined ? null : decodeCursor(cursor, 'number', 'string');
    const managed = (await this.projects.all()).map((project) => this.runtime.find(project.id) ?? fromManaged(project));
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
    if (!maySeeProject(caller, id)) throw new NotFound('project', id);
    const managed = await this.projects.findById(id);
    const seen = this.runtime.find(id) ?? (managed === null ? null : fromManaged(managed));
    if (seen === null) throw new NotFound('project', id);
    const lastCommandAt = await this.projects.lastCommandAt([id]);
    return this.toProject(seen, managed !== null, lastCommandAt.get(id) ?? null);
  }

  /** @throws {@link NotFound} or {@link ProjectNotRunning} */
  async getRunning(id: string, caller: Caller): Promise<Project> {
    const project = await this.get(id, caller);
    if (project.status !== 'running') throw new ProjectNotRunning(id, project.status, project.reason);
    return project;
  }

  /** The projects that run now, whoever may see them. */
  async runningIds(): Promise<readonly string[]> {
    const managed = (await this.projects.all()).map((project) => this.runtime.find(project.id) ?? fromManaged(project));
    const running = [...managed, ...this.runtime.observed()].filter(({ status }) => status === 'running');
    return [...new Set(running.map(({ id }) => id))];
  }

  /** The variables that each command of the project gets. */
  async environment(id: string): Promise<Readonly<Record<string, string>>> {
    return (await this.projects.findById(id))?.env ?? {};
  }

  /** @throws {@link NotFound} or {@link ProjectNotManaged} */
  async delete(id: string, caller: Caller): Promise<void> {
    const { managed } = await this.get(id, caller);
    if (!managed) throw new ProjectNotManaged(id);
    // Terminating first: a crash in between leaves a project that the next start removes.
    await this.projects.setStatus(id, 'terminating', null);
    for (const prepare of this.deletionHooks) await prepare(id);
    await this.provisioner.stop(id);
    await this.runtime.dispose(id);
    await this.transactor.run(async () => {
      if (await this.projects.delete(id)) await this.events.add(projectDeleted(id));
    });
  }

  /** Runs the work before a project's files go: what uses the project lets go of it. */
  beforeDelete(work: (projectId: string) => Promise<void>): void {
    this.deletionHooks.push(work);
  }

  /** Notes, without haste, that a command was created. */
  noteCommand(id: string): void {
    this.projects.touch(id).catch(() => undefined);
  }

  private toProject(seen: ObservedProject, managed: boolean, lastCommandAt: Date | null): Project {
    const { kind, stale } = this.runtime;
    return { ...seen, runtime: kind, lastCommandAt, managed, stale };
  }
}

function isAfter({ createdAt, id }: ObservedProject, [time, last]: readonly [number, string]): boolean {
  return createdAt.getTime() < time || (createdAt.getTime() === time && id < last);
}
