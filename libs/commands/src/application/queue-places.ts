import type { Command } from '../domain/command.js';

/** The place of a queued command in its project's queue. */
export interface QueuePlace {
  /** 1 is next. */
  readonly position: number;
  /** Commands of the project ahead of it. */
  readonly ahead: number;
  /** Estimated from recent durations in the project; null if they do not allow an estimate. */
  readonly estimatedWaitSeconds: number | null;
}

/** Tells the places of queued commands. */
export abstract class QueuePlaces {
  /** Null if it is not queued. */
  abstract of(command: Pick<Command, 'id' | 'status'>): Promise<QueuePlace | null>;
  /**
   * Calls back with the place repeatedly, and with null once the command is not queued. Returns the unsubscribe
   * function.
   */
  abstract watch(id: string, listener: (place: QueuePlace | null) => void): () => void;
}
