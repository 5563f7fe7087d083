import type { Command, CommandSummary, EndedCommand, NewCommand, Priority } from '../domain/command.js';
import type { Ending } from '../domain/result.js';

/** The rules of a project's queue. */
export interface QueueRules {
  readonly queuedMax: number;
  /** A queued command rises by one priority each time it has waited this long. */
  readonly agingSeconds: number;
}

/** The queue of commands. Enqueueing creates the command. */
export abstract class CommandQueue {
  /**
   * Returns null, and adds nothing, if the project's queue is full. Exact, also when several replicas add concurrently.
   */
  abstract enqueue(command: NewCommand, rules: QueueRules): Promise<Command | null>;
  /** Number of queued commands of the project. */
  abstract countQueued(projectId: string): Promise<number>;
  /** Moves a queued command to the position given by the priority and its age. Null if it is not queued. */
  abstract reprioritize(id: string, priority: Priority, rules: QueueRules): Promise<CommandSummary | null>;
  /** Ends a command that is still queued; null if it is not. */
  abstract endQueued(id: string, ending: Ending): Promise<EndedCommand | null>;
}
