import type {
  Condition,
  ManagedProject,
  PlaceInList,
  ProjectChange,
  ProjectSpec,
  ProjectStatus,
} from '../domain/project.js';

/** Of the ids of projects, so many are read at a time. */
export const IDS_PER_READ = 200;

export interface ProjectFilter {
  readonly status?: ProjectStatus | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** The beginning of a list. */
export interface SomeProjects {
  readonly data: readonly ManagedProject[];
  /** There are others after these. */
  readonly hasMore: boolean;
}

/** Where projects that the API created are kept, and which replica looks after each of them. */
export abstract class ProjectRepository {
  /** @throws {@link ProjectExists} if another project has the id */
  abstract insert(project: ProjectSpec, status: ProjectStatus): Promise<void>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<ManagedProject | null>;
  /** The same, and nobody else changes it before the transaction ends. */
  abstract lock(id: string): Promise<ManagedProject | null>;
  /** The variables that each command of the project gets; none if there is no such project. */
  abstract environment(id: string): Promise<Readonly<Record<string, string>>>;
  /**
   * Newest first, those after a place in that order, at most `limit` and not much more than a page can have.
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
  /** Ids after that one, in their order, at most {@link IDS_PER_READ}, of projects that run. */
  abstract running(after: string): Promise<readonly string[]>;
  /**
   * Changes what is wanted; the project is then due. Answers false if it was not there, or is being deleted: that it
   * stays.
   */
  abstract change(id: string, change: ProjectChange): Promise<boolean>;
  /**
   * Notes how the project was found. Does nothing if what is wanted has changed since that revision, or it is being
   * deleted. Answers whether the status is another one.
   */
  abstract observe(project: Pick<ManagedProject, 'id' | 'revision'>, condition: Condition): Promise<boolean>;
  /**
   * Notes that its files are on another volume than was known, which a replica may have noted before. Answers whether
   * one has gone that way.
   */
  abstract noteVolume(project: Pick<ManagedProject, 'id' | 'volume'>, seen: string): Promise<boolean>;
  /** Forgets it and its use. Answers false if there was none. */
  abstract delete(id: string): Promise<boolean>;

  /**
   * Takes projects that are due, at most `max`, and leases them to `owner`; if `id` is given, only that one, due or
   * not. A lease that ran out makes its project due.
   */
  abstract claim(owner: string, leaseSeconds: number, max: number, id?: string): Promise<readonly ManagedProject[]>;
  /** Answers whether the lease was still held. */
  abstract renew(id: string, owner: string, leaseSeconds: number): Promise<boolean>;
  /** Gives the lease back. It is due again then, or earlier if somebody has asked for that meanwhile. */
  abstract release(id: string, owner: string, dueInSeconds: number): Promise<void>;
  /** Makes a project due now; does nothing if it is not there. */
  abstract makeDue(id: string): Promise<void>;
  /** The same of those whose time is over. */
  abstract expired(after: string): Promise<readonly string[]>;
  /** The same of those that run and had no command created or ended for as long as they may be idle. */
  abstract idle(after: string): Promise<readonly string[]>;

  /**
   * Notes that a command was created or has ended in each of these projects, and when it was created. Not of one that
   * was made later than the command, nor of one that is not kept here unless it is among those that are seen in the
   * cluster.
   */
  abstract touch(uses: ReadonlyMap<string, Date>, seen: readonly string[]): Promise<void>;
  /** When the last command of each of these projects was created. */
  abstract lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>>;
}

/** All ids, one read after the other. */
export async function* eachId(read: (after: string) => Promise<readonly string[]>): AsyncGenerator<string> {
  let ids = await read('');
  for (;;) {
    yield* ids;
    const last = ids.at(-1);
    if (last === undefined || ids.length < IDS_PER_READ) return;
    ids = await read(last);
  }
}
