import { PAGE_BYTES_MAX, maySeeProject, type LeaseHolder } from '@app/kernel';
import { InMemoryTransactor } from '@app/kernel/testing';
import {
  IDS_PER_READ,
  type ProjectFilter,
  type ProjectRepository,
  type SomeProjects,
} from '../src/application/project.repository.js';
import { ProjectExists } from '../src/domain/project.errors.js';
import {
  type Condition,
  type ManagedProject,
  type PlaceInList,
  type ProjectChange,
  type ProjectSpec,
  type ProjectStatus,
  byAge,
  hasLabels,
} from '../src/domain/project.js';

interface Schedule {
  readonly dueAt: number;
  readonly lease: { readonly owner: string; readonly expiresAt: number } | null;
}

/** Projects in memory. Needs no locks: nothing observes changes between two awaits. */
export class InMemoryProjectRepository implements ProjectRepository {
  private readonly projects = new Map<string, ManagedProject>();
  private readonly environments = new Map<string, ProjectSpec['env']>();
  private readonly schedules = new Map<string, Schedule>();
  private readonly activity = new Map<string, { readonly createdAt: Date; readonly activeAt: Date }>();

  constructor(private readonly transactor = new InMemoryTransactor()) {}

  /** Stores a project as it is. */
  seed({ env, ...project }: ManagedProject & Partial<Pick<ProjectSpec, 'env'>>): void {
    if (env !== undefined) this.environments.set(project.id, env);
    this.write(project.id, project);
    this.schedules.set(project.id, { dueAt: Date.now(), lease: null });
  }

  async insert(spec: ProjectSpec, status: ProjectStatus): Promise<void> {
    if (this.projects.has(spec.id)) throw new ProjectExists(spec.id);
    this.activity.delete(spec.id);
    const now = new Date();
    const fresh = {
      desired: 'running',
      revision: 1,
      restarts: 0,
      keepStorage: false,
      volume: null,
      volumeLost: false,
    } as const;
    this.seed({ ...spec, ...fresh, status, reason: null, createdAt: now, changedAt: now });
  }

  async findById(id: string): Promise<ManagedProject | null> {
    return this.projects.get(id) ?? null;
  }

  lock(id: string): Promise<ManagedProject | null> {
    return this.findById(id);
  }

  async environment(id: string): Promise<Readonly<Record<string, string>>> {
    return this.environments.get(id) ?? {};
  }

  async list(
    { status, labels }: ProjectFilter,
    visible: readonly string[] | null,
    limit: number,
    after: PlaceInList | null,
  ): Promise<SomeProjects> {
    const found = [...this.projects.values()]
      .filter((project) => status === undefined || project.status === status)
      .filter((project) => hasLabels(project, labels) && maySeeProject({ projects: visible }, project.id))
      .filter((project) => after === null || byAge(after, project) < 0)
      .sort(byAge)
      .slice(0, limit);
    let bytes = 0;
    const data = found.filter((project) => {
      const isRoom = bytes < PAGE_BYTES_MAX;
      bytes += Buffer.byteLength(JSON.stringify(project));
      return isRoom;
    });
    return { data, hasMore: data.length < found.length };
  }

  async unknown(ids: readonly string[]): Promise<readonly string[]> {
    return ids.filter((id) => !this.projects.has(id));
  }

  async running(after: string): Promise<readonly string[]> {
    return idsOf(
      after,
      [...this.projects.values()].filter(({ status }) => status === 'running'),
    );
  }

  async change(id: string, { env, ...change }: ProjectChange): Promise<boolean> {
    const project = this.projects.get(id);
    if (project === undefined || project.status === 'terminating') return false;
    if (env !== undefined) this.environments.set(id, env);
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

  async noteVolume({ id, volume }: Pick<ManagedProject, 'id' | 'volume'>, seen: string): Promise<boolean> {
    const project = this.projects.get(id);
    if (project?.volume !== volume) return false;
    this.write(id, { ...project, volume: seen, volumeLost: project.volumeLost || volume !== null });
    return volume !== null;
  }

  async delete(id: string): Promise<boolean> {
    const found = this.projects.has(id);
    this.write(id, undefined);
    this.activity.delete(id);
    return found;
  }

  async claim(owner: string, leaseSeconds: number, max: number, id?: string): Promise<readonly ManagedProject[]> {
    const now = Date.now();
    const isFree = ({ dueAt, lease }: Schedule): boolean =>
      lease === null ? id !== undefined || dueAt <= now : lease.expiresAt <= now;
    const claimed = [...this.projects.values()]
      .filter((project) => (id === undefined || project.id === id) && isFree(this.scheduleOf(project.id)))
      .slice(0, max);
    for (const project of claimed) {
      const lease = { owner, expiresAt: now + leaseSeconds * 1000 };
      this.schedules.set(project.id, { dueAt: Infinity, lease });
    }
    return claimed;
  }

  async renew(id: string, owner: string, leaseSeconds: number): Promise<boolean> {
    const { dueAt, lease } = this.scheduleOf(id);
    if (lease?.owner !== owner || lease.expiresAt <= Date.now()) return false;
    this.schedules.set(id, { dueAt, lease: { owner, expiresAt: Date.now() + leaseSeconds * 1000 } });
    return true;
  }

  async release(id: string, owner: string, dueInSeconds: number): Promise<void> {
    const { dueAt, lease } = this.scheduleOf(id);
    if (lease?.owner !== owner) return;
    this.schedules.set(id, { dueAt: Math.min(dueAt, Date.now() + dueInSeconds * 1000), lease: null });
  }

  async leaseHolders(): Promise<readonly LeaseHolder[]> {
    const leases = [...this.schedules.values()].flatMap(({ lease }) => lease ?? []);
    return [...Map.groupBy(leases, ({ owner }) => owner)].map(([owner, held]) => {
      const expiresAt = Math.min(...held.map((lease) => lease.expiresAt));
      return { owner, count: held.length, expiresAt: new Date(expiresAt) };
    });
  }

  async makeDue(id: string): Promise<void> {
    const { dueAt, lease } = this.scheduleOf(id);
    this.schedules.set(id, { dueAt: Math.min(dueAt, Date.now()), lease });
  }

  async expired(after: string): Promise<readonly string[]> {
    const expired = [...this.projects.values()]
      .filter(({ status }) => status !== 'terminating')
      .filter(({ createdAt, ttlSeconds }) => ttlSeconds !== null && hasPassed(createdAt, ttlSeconds));
    return idsOf(after, expired);
  }

  async idle(after: string): Promise<readonly string[]> {
    const idle = [...this.projects.values()]
      .filter(({ status, desired }) => status === 'running' && desired === 'running')
      .filter(({ id, changedAt, idleStopSeconds }) => {
        const activeAt = this.activity.get(id)?.activeAt ?? changedAt;
        return idleStopSeconds !== null && hasPassed(activeAt > changedAt ? activeAt : changedAt, idleStopSeconds);
      });
    return idsOf(after, idle);
  }

  async touch(uses: ReadonlyMap<string, Date>, seen: readonly string[]): Promise<void> {
    for (const [id, at] of uses) {
      const project = this.projects.get(id);
      if (!(project === undefined ? seen.includes(id) : project.createdAt <= at)) continue;
      const known = this.activity.get(id)?.createdAt ?? at;
      this.activity.set(id, { createdAt: known > at ? known : at, activeAt: new Date() });
    }
  }

  async lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    return new Map([...this.activity].filter(([id]) => ids.includes(id)).map(([id, { createdAt }]) => [id, createdAt]));
  }

  private scheduleOf(id: string): Schedule {
    return this.schedules.get(id) ?? { dueAt: Infinity, lease: null };
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

function idsOf(after: string, projects: readonly ManagedProject[]): readonly string[] {
  const ids = projects.map(({ id }) => id).filter((id) => id > after);
  return ids.sort().slice(0, IDS_PER_READ);
}
