import type { ManagedProject, ProjectSpec, ProjectStatus } from '../domain/project.js';

/** Where projects that the API created are kept. */
export abstract class ProjectRepository {
  /** @throws {@link ProjectExists} if another project has the id */
  abstract insert(project: ProjectSpec, status: ProjectStatus): Promise<void>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<ManagedProject | null>;
  /** All, in no order. */
  abstract all(): Promise<readonly ManagedProject[]>;
  /** Answers false if it was not there, or had that status and reason already. */
  abstract setStatus(id: string, status: ProjectStatus, reason: string | null): Promise<boolean>;
  /** Answers false if there was none. */
  abstract delete(id: string): Promise<boolean>;
  /** Notes that a command was created. */
  abstract touch(id: string): Promise<void>;
  /** When the last command of each of these projects was created. */
  abstract lastCommandAt(ids: readonly string[]): Promise<ReadonlyMap<string, Date>>;
}
