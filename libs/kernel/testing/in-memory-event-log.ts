import {
  type Actor,
  type EventFilter,
  type EventLog,
  type LoggedEvent,
  type NewEvent,
  PAGE_BYTES_MAX,
  currentActor,
  newId,
} from '../src/index.js';
import { InMemoryTransactor } from './in-memory-transactor.js';

type Unsealed = NewEvent & { readonly id: string; readonly at: Date; readonly actor: Actor };

/** An event gets its position when its transaction commits. */
export class InMemoryEventLog implements EventLog {
  private readonly events: LoggedEvent[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(private readonly transactor = new InMemoryTransactor()) {}

  /** The types so far, in order. */
  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  get all(): readonly LoggedEvent[] {
    return this.events;
  }

  add(...events: readonly NewEvent[]): Promise<void> {
    const current = currentActor();
    const unsealed = events.map((event): Unsealed => {
      return { ...event, id: newId('evt'), at: new Date(), actor: event.actor ?? current };
    });
    this.transactor.afterCommit(() => {
      for (const event of unsealed) this.events.push({ ...event, seq: this.events.length + 1 });
      for (const listener of this.listeners) listener();
    });
    return Promise.resolve();
  }

  readAfter(seq: number, limit: number, { projectId, types }: EventFilter = {}): Promise<readonly LoggedEvent[]> {
    const found = this.events
      .filter((event) => event.seq > seq)
      .filter((event) => projectId === undefined || event.projectId === projectId)
      .filter((event) => types === undefined || types.includes(event.type))
      .map(({ details: _forTheAudit, ...event }) => event);
    let bytes = 0;
    const events = found.slice(0, limit).filter((event) => {
      const isRoom = bytes < PAGE_BYTES_MAX;
      bytes += Buffer.byteLength(JSON.stringify(event));
      return isRoom;
    });
    return Promise.resolve(events);
  }

  lastSeq(): Promise<number> {
    return Promise.resolve(this.events.length);
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }
}
