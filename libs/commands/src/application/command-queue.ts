import type { Command, CommandSummary, NewCommand, Priority } from '../domain/command.js';
import type { Ending } from '../domain/result.js';

/** How a project's queue is kept. */
export interface QueueRules {
  readonly queuedMax: number;
  /** Waiting for so long raises a queued command by one priority. */
  readonly agingSeconds: number;
}

/** Where commands wait. Adding to it makes the command. */
export abstract class CommandQueue {
  /** Answers null, and adds nothing, if the project's queue is full: exact, also when several replicas add at once. */
  abstract enqueue(command: NewCommand, rules: QueueRules): Promise<Command | null>;
  /** How many commands of the project wait. */
  abstract countQueued(projectId: string): Promise<number>;
  /** Gives a queued command the place in the queue that the priority and its age give it. Null if it is not queued. */
  abstract reprioritize(id: string, priority: Priority, rules: QueueRules): Promise<CommandSummary | null>;
  /** Ends a command that is still queued. Null if it is not. */
  abstract endQueued(id: string, ending: Ending): Promise<CommandSummary | null>;
}
