/**
 * Carries hints between replicas. They may be lost, doubled or late; whoever listens must also poll.
 */
export abstract class Notifier {
  /** Sends a hint to all replicas, this one included; returns at once. `payload` is an id. */
  abstract notify(channel: string, payload: string): void;
  /** Calls back for each hint; returns what stops it. `onReset` runs when hints may have been missed. */
  abstract subscribe(channel: string, onHint: (payload: string) => void, onReset?: () => void): () => void;
}
