import type { QueuePlace } from '@app/commands';

/** Finds the places of commands in the queue. */
export abstract class PlaceRepository {
  /** The places of these commands; commands that are not queued have none. */
  abstract places(ids: readonly string[]): Promise<ReadonlyMap<string, QueuePlace>>;
}
