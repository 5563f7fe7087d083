/** Who did it: taken from the request, or the system itself. */
export interface Actor {
  readonly keyId: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
}

/** A fact: something that has happened, said in the past tense (`command.created`). */
export interface NewEvent {
  readonly type: string;
  readonly projectId?: string | undefined;
  /** The id of what it happened to. */
  readonly target: string;
  readonly outcome: 'allowed' | 'denied' | 'succeeded' | 'failed';
  /** Public: no secrets, no output, no command text. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface LoggedEvent extends NewEvent {
  readonly id: string;
  /** Position in the log, in commit order and without gaps: a reader that goes by it misses nothing. */
  readonly seq: number;
  readonly at: Date;
  readonly actor: Actor;
}

export interface EventFilter {
  readonly projectId?: string;
  /** Exact types; all if absent. */
  readonly types?: readonly string[];
}

/** The one append-only log of facts. Project streams, webhooks and the audit read it by `seq`. */
export abstract class EventLog {
  /** Adds facts to the current transaction: they become true with it, or not at all. */
  abstract add(...events: readonly NewEvent[]): Promise<void>;
  /**
   * Events after `seq` in order, at most `limit`, and not much more than a page can have. A fact has its `seq` within 2
   * s of its commit.
   */
  abstract readAfter(seq: number, limit: number, filter?: EventFilter): Promise<readonly LoggedEvent[]>;
  /** The `seq` of the newest event; 0 when there is none. */
  abstract lastSeq(): Promise<number>;
  /** Calls back when new events may be read; a hint, which may be lost. Returns what stops it. */
  abstract subscribe(listener: () => void): () => void;
}
