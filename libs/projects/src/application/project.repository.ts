import type { LeaseHolder } from '@app/kernel';
import type {
  Condition,
  ManagedProject,
  PlaceInList,
  ProjectChange,
  ProjectSpec,
  ProjectStatus,
} from '../domain/project.js';

/** Maximum number of project ids read at a time. */
export const IDS_PER_READ = 200;

export interface ProjectFilter {
  readonly status?: ProjectStatus | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** The beginning of a list. */
export interface SomeProjects {
  readonly data: readonly ManagedProject[];
  /** There are more after these. */
  readonly hasMore: boolean;
}

/** The projects created through the API, and which replica reconciles each of them. */
export abstract class ProjectRepository {
  /** @throws {@link ProjectExists} if another project has the id */
  abstract insert(project: ProjectSpec, status: ProjectStatus): Promise<void>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<ManagedProject | null>;
  /** The same, locked until the transaction ends. */
  abstract lock(id: string): Promise<ManagedProject | null>;
  /** The variables of all commands of the project; none if there is no such project. */
  abstract environment(id: string): Promise<Readonly<Record<string, string>>>;
  /**
   * Newest first, after a position in that order: at most `limit`, and not much more than fits into a page.
   * @param visible globs of ids; null: all
   */
  abstract list(
    filter: ProjectFilter,
    visible: readonly string[] | null,
    limit: number,
    after: PlaceInList | null,
  ): Promise<SomeProjects>;
  /** Those of the ids that no project has. */
  abstract unknown(ids: readonly string[]): Promise<readonly string[]>;
  /** Ids of running projects after this one, in order, at most {@link IDS_PER_READ}. */
  abstract running(after: string): Promise<readonly string[]>;
  /**
   * Changes the desired state, and makes the project due. Returns false if it does not exist or is being deleted, which
   * is final.
   */
  abstract change(id: string, change: ProjectChange): Promise<boolean>;
  /**
   * Records the observed state. Does nothing if the desired state has changed since that revision, or the project is
   * being deleted. Returns whether the status has changed.
   */
  abstract observe(project: Pick<ManagedProject, 'id' | 'revision'>, condition: Condition): Promise<boolean>;
  /**
   * Records that the files are on another volume than the known one, unless another replica already has. Returns
   * whether an earlier volume was lost.
   */
  abstract noteVolume(project: Pick<ManagedProject, 'id' | 'volume'>, seen: string): Promise<boolean>;
  /** Deletes it and its activity. Returns false if there was none. */
  abstract delete(id: string): Promise<boolean>;

  /**
   * Leases at most `max` due projects to `owner`; if `id` is given, only that one, due or not. An expired lease makes
   * its project due.
   */
  abstract claim(owner: string, leaseSeconds: number, max: number, id?: string): Promise<readonly ManagedProject[]>;
  /** Returns whether the lease was still held. */
  abstract renew(id: string, owner: string, leaseSeconds: number): Promise<boolean>;
  /** Releases the lease. The project is due again then, or earlier if that was requested meanwhile. */
  abstract release(id: string, owner: string, dueInSeconds: number): Promise<void>;
  /** Who has leases, at most 100 owners. */
  abstract leaseHolders(): Promise<readonly LeaseHolder[]>;
  /** Makes a project due now; does nothing if it does not exist. */
  abstract makeDue(id: string): Promise<void>;
  /** Likewise, of projects whose time to live has passed. */
  abstract expired(after: string): Promise<readonly string[]>;
  /** Likewise, of running projects without a command created or ended for their idle time. */
  abstract idle(after: string): Promise<readonly string[]>;

  /**
   * Records that a command was created or has ended in each of these projects, and when it was created. Ignores
   * projects created after the command, and unknown projects unless they are observed in the cluster.
   */
  abstract touch(uses: ReadonlyMap<string, Date>, seen: readonly string[]): Promise<void>;
  /** When the last command of each of these projects was created. */
  abstract lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>>;
}

/** All ids, one read after another. */
export async function* eachId(read: (after: string) => Promise<readonly string[]>): AsyncGenerator<string> {
  let ids = await read('');
  for (;;) {
    yield* ids;
    const last = ids.at(-1);
    if (last === undefined || ids.length < IDS_PER_READ) return;
    ids = await read(last);
  }
}
