import type { SseEvent } from './sse-reader.js';

export type StreamName = 'stdout' | 'stderr';

/** What one client has got of a command, over any number of connections. Refuses what does not join on to it. */
export class Transcript {
  readonly events: SseEvent[] = [];
  readonly gaps: { stream: StreamName; from: number; to: number; reason: string }[] = [];
  /** Bytes of each stream so far, missing ones included. */
  readonly position: Record<StreamName, number> = { stdout: 0, stderr: 0 };
  /** To resume after; undefined before the first event. */
  lastEventId: string | undefined;
  /** The data of `complete`. */
  end: any;
  private readonly parts: Record<StreamName, Buffer[]> = { stdout: [], stderr: [] };

  /** Reads a stream, to its end unless told to stop after an event. */
  async read(events: AsyncIterable<SseEvent>, until: (event: SseEvent) => boolean = () => false): Promise<this> {
    for await (const event of events) {
      this.add(event);
      if (until(event)) break;
    }
    return this;
  }

  add(event: SseEvent): void {
    if (this.end !== undefined) throw new Error(`There is a ${event.event} after complete.`);
    if (event.id === '') throw new Error(`A ${event.event} has no id.`);
    this.events.push(event);
    this.lastEventId = event.id;
    if (event.event === 'output') this.addOutput(event.data);
    if (event.event === 'gap') this.addGap(event.data);
    if (event.event === 'complete') this.end = event.data;
  }

  bytes(stream: StreamName): Buffer {
    return Buffer.concat(this.parts[stream]);
  }

  text(stream: StreamName = 'stdout'): string {
    return this.bytes(stream).toString();
  }

  /** The names of the events, without heartbeats. */
  get names(): string[] {
    return this.events.map(({ event }) => event).filter((name) => name !== 'heartbeat');
  }

  private addOutput({ stream, offset, data, encoding }: any): void {
    this.joins(stream, offset);
    const bytes = Buffer.from(data, encoding === 'base64' ? 'base64' : 'utf8');
    if (bytes.length === 0 || bytes.length > 64 * 1024) throw new Error(`An output event holds ${bytes.length} bytes.`);
    this.parts[stream as StreamName].push(bytes);
    this.position[stream as StreamName] += bytes.length;
  }

  private addGap(gap: any): void {
    this.joins(gap.stream, gap.from);
    if (gap.to <= gap.from) throw new Error(`A gap is empty: ${JSON.stringify(gap)}`);
    this.gaps.push(gap);
    this.position[gap.stream as StreamName] = gap.to;
  }

  private joins(stream: StreamName, offset: number): void {
    if (offset === this.position[stream]) return;
    throw new Error(`After ${this.position[stream]} bytes of ${stream} comes the byte ${offset}.`);
  }
}
