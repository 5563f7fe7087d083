import type { Page, PageRequest } from '@app/kernel';
import type { Priority } from '@app/commands';

/** What waits in one priority. */
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
  /** As they were asked for, whatever age has made of them. */
  readonly priorities: Readonly<Record<Priority, Backlog>>;
}

/** Looks at all queues, and pauses them. */
export abstract class QueueRepository {
  /** Answers false if it was paused. @param projectId null: all projects */
  abstract pause(projectId: string | null): Promise<boolean>;
  /** Answers false if it was not paused. @param projectId null: all projects */
  abstract resume(projectId: string | null): Promise<boolean>;
  /** Of itself: what pauses all queues does not count for a project. @param projectId null: all projects */
  abstract isPaused(projectId: string | null): Promise<boolean>;
  /** Projects with something queued, running or paused, by their ids. @param visible globs of project ids; null: all */
  abstract list(visible: readonly string[] | null, page: PageRequest): Promise<Page<ProjectQueue>>;
  /** Queued commands by priority. */
  abstract depths(): Promise<Readonly<Record<Priority, number>>>;
}
