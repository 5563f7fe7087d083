import { InMemoryTransactor } from '@app/kernel/testing';
import { ProjectRepository } from '../src/application/project.repository.js';
import { ProjectExists } from '../src/domain/project.errors.js';
import type { ManagedProject, ProjectSpec, ProjectStatus } from '../src/domain/project.js';

/** Projects in memory. */
export class InMemoryProjectRepository extends ProjectRepository {
  private readonly projects = new Map<string, ManagedProject>();
  private readonly activity = new Map<string, Date>();

  constructor(private readonly transactor = new InMemoryTransactor()) {
    super();
  }

  /** Puts a project there as it is. */
  seed(project: ManagedProject): void {
    this.write(project.id, project);
  }

  async insert(spec: ProjectSpec, status: ProjectStatus): Promise<void> {
    if (this.projects.has(spec.id)) throw new ProjectExists(spec.id);
    this.write(spec.id, { ...spec, status, reason: null, createdAt: new Date() });
  }

  async findById(id: string): Promise<ManagedProject | null> {
    return this.projects.get(id) ?? null;
  }

  async all(): Promise<readonly ManagedProject[]> {
    return [...this.projects.values()];
  }

  async setStatus(id: string, status: ProjectStatus, reason: string | null): Promise<boolean> {
    const project = this.projects.get(id);
    if (project === undefined || project.status === 'terminating') return false;
    if (project.status === status && (project.reason ?? '') === (reason ?? '')) return false;
    this.write(id, { ...project, status, reason });
    return true;
  }

  async delete(id: string): Promise<boolean> {
    const found = this.projects.has(id);
    this.write(id, undefined);
    return found;
  }

  async touch(id: string): Promise<void> {
    this.activity.set(id, new Date());
  }

  async lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    return new Map([...this.activity].filter(([id]) => ids.includes(id)));
  }

  private write(id: string, project: ManagedProject | undefined): void {
    const before = this.projects.get(id);
    this.set(id, project);
    this.transactor.onRollback(() => this.set(id, before));
  }

  private set(id: string, project: ManagedProject | undefined): void {
    if (project === undefined) this.projects.delete(id);
    else this.projects.set(id, project);
  }
}
