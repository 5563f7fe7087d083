/**
 * Delivers hints between replicas. They may be lost, repeated or late, so subscribers must also poll.
 */
export abstract class Notifier {
  /** Sends a hint to all replicas, including this one, without waiting. `payload` is an id. */
  abstract notify(channel: string, payload: string): void;
  /**
   * Sends a hint with the commit of the current transaction. As reliable as the commit, except for a replica that has
   * lost its connection, which {@link heardUntil} shows. Such commits are serialised, so use it only for rare changes.
   */
  abstract announce(channel: string, payload: string): Promise<void>;
  /** Calls back for each hint; `onReset` if hints may have been missed. Returns the unsubscribe function. */
  abstract subscribe(channel: string, onHint: (payload: string) => void, onReset?: () => void): () => void;
  /**
   * A time of `performance.now()`: everything announced before it has been delivered. Falls behind while the connection
   * is broken.
   */
  abstract get heardUntil(): number;
}
