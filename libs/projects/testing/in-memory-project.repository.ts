import { InMemoryTransactor } from '@app/kernel/testing';
import { ProjectRepository } from '../src/application/project.repository.js';
import { ProjectExists } from '../src/domain/project.errors.js';
import type { Condition, ManagedProject, ProjectChange, ProjectSpec, ProjectStatus } from '../src/domain/project.js';

interface Care {
  readonly dueAt: number;
  readonly lease: { readonly owner: string; readonly expiresAt: number } | null;
}

/** Projects in memory. Locks are not needed: what is done between two awaits nobody sees half-done. */
export class InMemoryProjectRepository extends ProjectRepository {
  private readonly projects = new Map<string, ManagedProject>();
  private readonly care = new Map<string, Care>();
  private readonly activity = new Map<string, { readonly createdAt: Date; readonly activeAt: Date }>();

  constructor(private readonly transactor = new InMemoryTransactor()) {
    super();
  }

  /** Puts a project there as it is. */
  seed(project: ManagedProject): void {
    this.write(project.id, project);
    this.care.set(project.id, { dueAt: Date.now(), lease: null });
  }

  async insert(spec: ProjectSpec, status: ProjectStatus): Promise<void> {
    if (this.projects.has(spec.id)) throw new ProjectExists(spec.id);
    const now = new Date();
    const fresh = { desired: 'running', revision: 1, restarts: 0, keepStorage: false } as const;
    this.seed({ ...spec, ...fresh, status, reason: null, createdAt: now, changedAt: now });
  }

  async findById(id: string): Promise<ManagedProject | null> {
    return this.projects.get(id) ?? null;
  }

  lock(id: string): Promise<ManagedProject | null> {
    return this.findById(id);
  }

  async all(): Promise<readonly ManagedProject[]> {
    return [...this.projects.values()];
  }

  async change(id: string, change: ProjectChange): Promise<boolean> {
    const project = this.projects.get(id);
    if (project === undefined || project.status === 'terminating') return false;
    this.write(id, { ...project, ...change, revision: project.revision + 1, changedAt: new Date() });
    await this.makeDue(id);
    return true;
  }

  async observe(
    { id, revision }: Pick<ManagedProject, 'id' | 'revision'>,
    { status, reason }: Condition,
  ): Promise<boolean> {
    const project = this.projects.get(id);
    if (project?.revision !== revision || project.status === 'terminating') return false;
    this.write(id, { ...project, status, reason });
    return project.status !== status;
  }

  async delete(id: string): Promise<boolean> {
    const found = this.projects.has(id);
    this.write(id, undefined);
    return found;
  }

  async claim(owner: string, leaseSeconds: number, max: number, id?: string): Promise<readonly ManagedProject[]> {
    const now = Date.now();
    const isFree = ({ dueAt, lease }: Care): boolean =>
      lease === null ? id !== undefined || dueAt <= now : lease.expiresAt <= now;
    const claimed = [...this.projects.values()]
      .filter((project) => (id === undefined || project.id === id) && isFree(this.careOf(project.id)))
      .slice(0, max);
    for (const project of claimed) {
      const lease = { owner, expiresAt: now + leaseSeconds * 1000 };
      this.care.set(project.id, { dueAt: Infinity, lease });
    }
    return claimed;
  }

  async renew(id: string, owner: string, leaseSeconds: number): Promise<boolean> {
    const { dueAt, lease } = this.careOf(id);
    if (lease?.owner !== owner || lease.expiresAt <= Date.now()) return false;
    this.care.set(id, { dueAt, lease: { owner, expiresAt: Date.now() + leaseSeconds * 1000 } });
    return true;
  }

  async release(id: string, owner: string, dueInSeconds: number): Promise<void> {
    const { dueAt, lease } = this.careOf(id);
    if (lease?.owner !== owner) return;
    this.care.set(id, { dueAt: Math.min(dueAt, Date.now() + dueInSeconds * 1000), lease: null });
  }

  async makeDue(id: string): Promise<void> {
    const { dueAt, lease } = this.careOf(id);
    this.care.set(id, { dueAt: Math.min(dueAt, Date.now()), lease });
  }

  async expired(): Promise<readonly string[]> {
    return [...this.projects.values()]
      .filter(({ status }) => status !== 'terminating')
      .filter(({ createdAt, ttlSeconds }) => ttlSeconds !== null && hasPassed(createdAt, ttlSeconds))
      .map(({ id }) => id);
  }

  async idle(): Promise<readonly string[]> {
    return [...this.projects.values()]
      .filter(({ status, desired }) => status === 'running' && desired === 'running')
      .filter(({ id, changedAt, idleStopSeconds }) => {
        const activeAt = this.activity.get(id)?.activeAt ?? changedAt;
        return idleStopSeconds !== null && hasPassed(activeAt > changedAt ? activeAt : changedAt, idleStopSeconds);
      })
      .map(({ id }) => id);
  }

  async touch(ids: readonly string[], what: 'created' | 'ended'): Promise<void> {
    const now = new Date();
    for (const id of ids) {
      const createdAt = what === 'created' ? now : (this.activity.get(id)?.createdAt ?? now);
      this.activity.set(id, { createdAt, activeAt: now });
    }
  }

  async lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    return new Map([...this.activity].filter(([id]) => ids.includes(id)).map(([id, { createdAt }]) => [id, createdAt]));
  }

  private careOf(id: string): Care {
    return this.care.get(id) ?? { dueAt: Infinity, lease: null };
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

function hasPassed(since: Date, seconds: number): boolean {
  return since.getTime() + seconds * 1000 <= Date.now();
}
