/** Where a queued command stands in the queue of its project. */
export interface QueuePlace {
  /** 1 is next. */
  readonly position: number;
  /** How many of the project are before it. */
  readonly ahead: number;
  /** By recent durations in the project; null where they do not tell. */
  readonly estimatedWaitSeconds: number | null;
}

/** Looks at the queue. */
export abstract class CommandQueue {
  /** The places of these commands; who is not queued has none. */
  abstract places(ids: readonly string[]): Promise<ReadonlyMap<string, QueuePlace>>;
}
