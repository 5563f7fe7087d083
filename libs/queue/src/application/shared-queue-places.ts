import type { Command, QueuePlace, QueuePlaces } from '@app/commands';
import { PlaceRepository } from './place.repository.js';
import { Unavailable } from '@app/kernel';
import { Injectable, Logger } from '@nestjs/common';

const POLL_MS = 1_000;
/** Queries take at most this share of the time, however many commands are watched. */
const SHARE_MAX = 0.1;

type Listener = (place: QueuePlace | null) => void;

/** Tells the places of queued commands. All watchers share one query per second. */
@Injectable()
export class SharedQueuePlaces implements QueuePlaces {
  private readonly logger = new Logger(SharedQueuePlaces.name);
  private readonly listeners = new Map<string, Set<Listener>>();
  private timer: NodeJS.Timeout | undefined;
  private readonly asked = new Set<string>();
  /** The next query, and the one before it. */
  private next: Promise<ReadonlyMap<string, QueuePlace>> | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly queue: PlaceRepository) {}

  /** Null if it is not queued. Callers that arrive during a query share the next one. */
  async of({ id, status }: Pick<Command, 'id' | 'status'>): Promise<QueuePlace | null> {
    if (status !== 'queued') return null;
    this.asked.add(id);
    this.next ??= this.last = this.queryAfter(this.last);
    return (await this.next).get(id) ?? null;
  }

  /**
   * Calls back with the place repeatedly, and with null once the command is not queued. Returns the unsubscribe
   * function.
   */
  watch(id: string, listener: Listener): () => void {
    const listeners = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, listeners.add(listener));
    this.timer ??= this.schedule(POLL_MS);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.listeners.delete(id);
    };
  }

  private async queryAfter(last: Promise<unknown>): Promise<ReadonlyMap<string, QueuePlace>> {
    await last.catch(() => undefined);
    const ids = [...this.asked];
    this.asked.clear();
    this.next = undefined;
    return this.queue.places(ids);
  }

  private schedule(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      void this.poll();
    }, ms).unref();
  }

  private async poll(): Promise<void> {
    const since = performance.now();
    const ids = [...this.listeners.keys()];
    try {
      const places = ids.length === 0 ? new Map<string, QueuePlace>() : await this.queue.places(ids);
      for (const id of ids) for (const listener of this.listeners.get(id) ?? []) listener(places.get(id) ?? null);
    } catch (error) {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'Places in the queue could not be found');
    }
    const pause = Math.max(POLL_MS, (performance.now() - since) / SHARE_MAX);
    this.timer = this.listeners.size === 0 ? undefined : this.schedule(pause);
  }
}
