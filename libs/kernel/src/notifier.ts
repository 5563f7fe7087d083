/**
 * Carries hints between replicas. They may be lost, doubled or late; whoever listens must also poll.
 */
export abstract class Notifier {
  /** Sends a hint to all replicas, this one included; returns at once. `payload` is an id. */
  abstract notify(channel: string, payload: string): void;
  /**
   * Sends a hint by the commit of the current transaction, or not at all: as sure as the change that it tells of,
   * except to a replica that does not listen, which {@link heardUntil} tells. Such commits wait for one another: for
   * what is rare.
   */
  abstract announce(channel: string, payload: string): Promise<void>;
  /** Calls back for each hint; returns what stops it. `onReset` runs when hints may have been missed. */
  abstract subscribe(channel: string, onHint: (payload: string) => void, onReset?: () => void): () => void;
  /**
   * A moment of `performance.now()`: subscribers have been told of all that was announced before it. Lags while nothing
   * comes through.
   */
  abstract get heardUntil(): number;
}
