import type { Condition, ManagedProject, ProjectChange, ProjectSpec, ProjectStatus } from '../domain/project.js';

/** Where projects that the API created are kept, and which replica looks after each of them. */
export abstract class ProjectRepository {
  /** @throws {@link ProjectExists} if another project has the id */
  abstract insert(project: ProjectSpec, status: ProjectStatus): Promise<void>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<ManagedProject | null>;
  /** The same, and nobody else changes it before the transaction ends. */
  abstract lock(id: string): Promise<ManagedProject | null>;
  /** All, in no order. */
  abstract all(): Promise<readonly ManagedProject[]>;
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
  /** Answers false if there was none. */
  abstract delete(id: string): Promise<boolean>;

  /**
   * Takes projects that are due, at most `max`, and leases them to `owner`; if `id` is given, only that one, due or not.
   * A lease that ran out makes its project due.
   */
  abstract claim(owner: string, leaseSeconds: number, max: number, id?: string): Promise<readonly ManagedProject[]>;
  /** Answers whether the lease was still held. */
  abstract renew(id: string, owner: string, leaseSeconds: number): Promise<boolean>;
  /** Gives the lease back. It is due again then, or earlier if somebody has asked for that meanwhile. */
  abstract release(id: string, owner: string, dueInSeconds: number): Promise<void>;
  /** Makes a project due now; does nothing if it is not there. */
  abstract makeDue(id: string): Promise<void>;
  /** Those whose time is over. */
  abstract expired(): Promise<readonly string[]>;
  /** Those that run and had no command created or ended for as long as they may be idle. */
  abstract idle(): Promise<readonly string[]>;

  /** Notes that commands were created in these projects, or have ended. */
  abstract touch(ids: readonly string[], what: 'created' | 'ended'): Promise<void>;
  /** When the last command of each of these projects was created. */
  abstract lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>>;
}
