export const FIRST_USE_SECONDS = 60;
export const REUSE_SECONDS = 86_400;
/** Validity after the end of the stream, for a client that loses its connection at that moment. */
export const AFTER_END_SECONDS = 60;

/** Stores stream tickets by their SHA-256. */
export abstract class TicketRepository {
  /** Returns the deadline for the first use. */
  abstract insert(hash: Buffer, keyId: string, path: string): Promise<Date>;
  /**
   * Uses a ticket, for the first time or again. Returns its key, or null if there is no such ticket for the path or it
   * has expired.
   */
  abstract use(hash: Buffer, path: string): Promise<string | null>;
  /** Its stream has ended: the ticket stays valid only for a last reconnect. */
  abstract end(hash: Buffer): Promise<void>;
  /** Deletes expired tickets; returns how many. */
  abstract sweep(): Promise<number>;
}
