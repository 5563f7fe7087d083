import { type Notifier } from '../src/index.js';
import { InMemoryTransactor } from './in-memory-transactor.js';

interface Subscription {
  readonly channel: string;
  readonly onHint: (payload: string) => void;
  readonly onReset: (() => void) | undefined;
  isDeaf(): boolean;
}

/** Replicas that share a hub receive each other's hints. */
export class InMemoryNotifier implements Notifier {
  private stalledAt: number | null = null;

  constructor(
    private readonly transactor = new InMemoryTransactor(),
    private readonly hub: Set<Subscription> = new Set(),
  ) {}

  /** The notifier of another replica. */
  another(): InMemoryNotifier {
    return new InMemoryNotifier(this.transactor, this.hub);
  }

  get heardUntil(): number {
    return this.stalledAt ?? performance.now();
  }

  /** From now on this replica receives nothing, without any error. */
  stall(): void {
    this.stalledAt = performance.now();
  }

  announce(channel: string, payload: string): Promise<void> {
    this.transactor.afterCommit(() => {
      this.notify(channel, payload);
    });
    return Promise.resolve();
  }

  notify(channel: string, payload: string): void {
    for (const subscription of [...this.hub]) {
      if (subscription.channel === channel && !subscription.isDeaf()) subscription.onHint(payload);
    }
  }

  subscribe(channel: string, onHint: (payload: string) => void, onReset?: () => void): () => void {
    const subscription = { channel, onHint, onReset, isDeaf: () => this.stalledAt !== null };
    this.hub.add(subscription);
    return () => {
      this.hub.delete(subscription);
    };
  }

  /** As after a lost connection: hints may have been missed. */
  reset(): void {
    for (const { onReset } of [...this.hub]) onReset?.();
  }
}
