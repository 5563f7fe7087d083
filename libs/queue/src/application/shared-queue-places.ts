import type { Command, QueuePlace, QueuePlaces } from '@app/commands';
import { PlaceRepository } from './place.repository.js';
import { Unavailable } from '@app/kernel';
import { Injectable, Logger } from '@nestjs/common';

const LOOK_MS = 1_000;
/** Looking takes at most this share of the time, however many wait. */
const SHARE = 0.1;

type Listener = (place: QueuePlace | null) => void;

/** Tells where queued commands stand. All who wait share one look at the queue a second. */
@Injectable()
export class SharedQueuePlaces implements QueuePlaces {
  private readonly logger = new Logger(SharedQueuePlaces.name);
  private readonly listeners = new Map<string, Set<Listener>>();
  private timer: NodeJS.Timeout | undefined;
  private readonly asked = new Set<string>();
  /** Of the look that is to come, and of the one before it. */
  private answer: Promise<ReadonlyMap<string, QueuePlace>> | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly queue: PlaceRepository) {}

  /** Null if it is not queued. Those who ask while a look is under way share the next one. */
  async of({ id, status }: Pick<Command, 'id' | 'status'>): Promise<QueuePlace | null> {
    if (status !== 'queued') return null;
    this.asked.add(id);
    this.answer ??= this.last = this.answerAfter(this.last);
    return (await this.answer).get(id) ?? null;
  }

  /** Calls back with the place of a command again and again, with null once it is not queued; returns what stops it. */
  watch(id: string, listener: Listener): () => void {
    const listeners = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, listeners.add(listener));
    this.timer ??= this.lookAfter(LOOK_MS);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.listeners.delete(id);
    };
  }

  private async answerAfter(last: Promise<unknown>): Promise<ReadonlyMap<string, QueuePlace>> {
    await last.catch(() => undefined);
    const ids = [...this.asked];
    this.asked.clear();
    this.answer = undefined;
    return this.queue.places(ids);
  }

  private lookAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      void this.look();
    }, ms).unref();
  }

  private async look(): Promise<void> {
    const since = performance.now();
    const ids = [...this.listeners.keys()];
    try {
      const places = ids.length === 0 ? new Map<string, QueuePlace>() : await this.queue.places(ids);
      for (const id of ids) for (const listener of this.listeners.get(id) ?? []) listener(places.get(id) ?? null);
    } catch (error) {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'Places in the queue could not be found');
    }
    const pause = Math.max(LOOK_MS, (performance.now() - since) / SHARE);
    this.timer = this.listeners.size === 0 ? undefined : this.lookAfter(pause);
  }
}
