/** So long a ticket can wait for its first use. */
export const FIRST_USE_SECONDS = 60;
/** So long it is good for reconnects. */
export const REUSE_SECONDS = 86_400;
/** So long after the end of what is streamed: for a client that lost its connection at that moment. */
export const AFTER_END_SECONDS = 60;

/** Where stream tickets are kept, by their SHA-256. */
export abstract class TicketRepository {
  /** Answers until when it has to be used first. */
  abstract insert(hash: Buffer, keyId: string, path: string): Promise<Date>;
  /**
   * Uses a ticket, for the first time or again; answers its key, or null if there is no such ticket for the path or its
   * time is over.
   */
  abstract use(hash: Buffer, path: string): Promise<string | null>;
  /** What it is for has ended: it is good for a last reconnect. */
  abstract end(hash: Buffer): Promise<void>;
  /** Forgets those whose time is over; answers how many. */
  abstract sweep(): Promise<number>;
}
