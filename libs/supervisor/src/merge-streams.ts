import type { Readable } from 'node:stream';
import type { StreamName } from './types.js';

/** A chunk of one of two streams, or its end (null). */
export interface Arrival {
  readonly stream: StreamName;
  readonly data: Buffer | null;
}

/**
 * Reads two streams fairly, in order of arrival, and at most one chunk of each ahead: unread data stays in the streams'
 * buffers and then applies back-pressure to the remote side. A broken stream just ends; the channel reports why.
 */
export class MergedStreams {
  private readonly sources: Record<StreamName, AsyncIterator<Buffer>>;
  private readonly pending = new Map<StreamName, Promise<Arrival>>();

  constructor(stdout: Readable, stderr: Readable) {
    this.sources = { stdout: iterate(stdout), stderr: iterate(stderr) };
    for (const stream of ['stdout', 'stderr'] as const) this.pending.set(stream, this.ask(stream));
  }

  /** The next chunk or end of either stream; null when both have ended. Do not call it again before it has settled. */
  async next(): Promise<Arrival | null> {
    if (this.pending.size === 0) return null;
    const arrival = await Promise.race(this.pending.values());
    this.pending.delete(arrival.stream);
    // Re-added at the end of the map, so that the other stream comes next.
    if (arrival.data !== null) this.pending.set(arrival.stream, this.ask(arrival.stream));
    return arrival;
  }

  private ask(stream: StreamName): Promise<Arrival> {
    return this.sources[stream].next().then(
      ({ done, value }) => ({ stream, data: done ? null : value }),
      () => ({ stream, data: null }),
    );
  }
}

function iterate(stream: Readable): AsyncIterator<Buffer> {
  return stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
}
