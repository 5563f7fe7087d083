import type { QueuePlace } from '@app/commands';

/** Finds places in the queue. */
export abstract class PlaceRepository {
  /** The places of these commands; who is not queued has none. */
  abstract places(ids: readonly string[]): Promise<ReadonlyMap<string, QueuePlace>>;
}
