import type { Command } from '../domain/command.js';

/** Where a queued command stands in the queue of its project. */
export interface QueuePlace {
  /** 1 is next. */
  readonly position: number;
  /** How many of the project are before it. */
  readonly ahead: number;
  /** By recent durations in the project; null where they do not tell. */
  readonly estimatedWaitSeconds: number | null;
}

/** Tells where queued commands stand. */
export abstract class QueuePlaces {
  /** Null if it is not queued. */
  abstract of(command: Pick<Command, 'id' | 'status'>): Promise<QueuePlace | null>;
  /** Calls back with the place of a command again and again, with null once it is not queued; returns what stops it. */
  abstract watch(id: string, listener: (place: QueuePlace | null) => void): () => void;
}
