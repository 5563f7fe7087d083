import type { Page, PageRequest } from '@app/kernel';
import type { Priority } from '@app/commands';

/** Queued commands of one priority. */
export interface Backlog {
  readonly depth: number;
  /** How long the oldest has waited; null if there is none. */
  readonly oldestWaitSeconds: number | null;
}

/** The queue of a project. */
export interface ProjectQueue extends Backlog {
  readonly projectId: string;
  readonly isPaused: boolean;
  readonly running: number;
  /** By requested priority, regardless of age. */
  readonly priorities: Readonly<Record<Priority, Backlog>>;
}

/** Lists, pauses and resumes queues. */
export abstract class QueueRepository {
  /** Returns false if it was already paused. @param projectId null: all projects */
  abstract pause(projectId: string | null): Promise<boolean>;
  /** Returns false if it was not paused. @param projectId null: all projects */
  abstract resume(projectId: string | null): Promise<boolean>;
  /**
   * Whether it is paused itself: a pause of all queues does not count for a project. @param projectId null: all
   * projects
   */
  abstract isPaused(projectId: string | null): Promise<boolean>;
  /**
   * Projects with queued or running commands, or a paused queue, by id. @param visible globs of project ids; null: all
   */
  abstract list(visible: readonly string[] | null, page: PageRequest): Promise<Page<ProjectQueue>>;
  /** Queued commands by priority. */
  abstract depths(): Promise<Readonly<Record<Priority, number>>>;
}
