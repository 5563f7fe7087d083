import { Notifier } from '../src/index.js';

interface Subscription {
  readonly channel: string;
  readonly onHint: (payload: string) => void;
  readonly onReset: (() => void) | undefined;
}

/** Replicas that share a hub hear each other. */
export class InMemoryNotifier extends Notifier {
  constructor(private readonly hub: Set<Subscription> = new Set()) {
    super();
  }

  /** Another replica's. */
  another(): InMemoryNotifier {
    return new InMemoryNotifier(this.hub);
  }

  notify(channel: string, payload: string): void {
    for (const subscription of [...this.hub]) {
      if (subscription.channel === channel) subscription.onHint(payload);
    }
  }

  subscribe(channel: string, onHint: (payload: string) => void, onReset?: () => void): () => void {
    const subscription = { channel, onHint, onReset };
    this.hub.add(subscription);
    return () => {
      this.hub.delete(subscription);
    };
  }

  /** As after a connection that was lost: hints may have been missed. */
  reset(): void {
    for (const { onReset } of [...this.hub]) onReset?.();
  }
}
