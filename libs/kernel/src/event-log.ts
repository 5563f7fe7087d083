/** The originator of an event: that of the request, or the system itself. */
export interface Actor {
  readonly keyId: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  /** Of the W3C trace context that the request carried or began. Absent in events of former releases. */
  readonly traceId?: string | null;
  /** The parent of what follows, and its flags, as that trace context has them. Absent without one. */
  readonly spanId?: string;
  readonly traceFlags?: string;
}

/** Something that has happened, named in the past tense (`command.created`). */
export interface NewEvent {
  readonly type: string;
  readonly projectId?: string | undefined;
  /** The id of the affected object. */
  readonly target: string;
  readonly outcome: 'allowed' | 'denied' | 'succeeded' | 'failed';
  /** Public: no secrets, no output, no command text. */
  readonly data: Readonly<Record<string, unknown>>;
  /** For the audit alone: no secrets, no output; command text only redacted. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** Who is responsible for it, if that is not the current actor. */
  readonly actor?: Actor | undefined;
}

export interface LoggedEvent extends NewEvent {
  readonly id: string;
  /** Position in the log, in commit order and without gaps: a reader that follows it misses nothing. */
  readonly seq: number;
  readonly at: Date;
  readonly actor: Actor;
}

export interface EventFilter {
  readonly projectId?: string;
  /** Exact types; all if absent. */
  readonly types?: readonly string[];
}

/** The append-only log of events. Project streams, webhooks and the audit read it by `seq`. */
export abstract class EventLog {
  /**
   * Adds events in the current transaction: they are committed or rolled back with it.
   * @throws {@link Unavailable} if they cannot be recorded, for whatever reason: nothing happens unrecorded
   */
  abstract add(...events: readonly NewEvent[]): Promise<void>;
  /**
   * Events after `seq` in order, at most `limit`, and not much larger than a page. An event gets its `seq` within 2 s
   * of its commit.
   */
  abstract readAfter(seq: number, limit: number, filter?: EventFilter): Promise<readonly LoggedEvent[]>;
  /** The `seq` of the newest event; 0 when there is none. */
  abstract lastSeq(): Promise<number>;
  /** Calls back when there may be new events; the hint may be lost. Returns the unsubscribe function. */
  abstract subscribe(listener: () => void): () => void;
}
