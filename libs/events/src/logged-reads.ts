import { AsyncLocalStorage } from 'node:async_hooks';
import { type EventLog, type NewEvent, type Read, type ReadRecorder, currentActor } from '@app/kernel';

/** Reads that are recorded together. */
interface Batch {
  readonly events: NewEvent[];
  readonly recorded: Promise<void>;
}

/**
 * Records reads as events. Those that come while others are being recorded are recorded together, so that many of them
 * cost few statements.
 */
export class LoggedReads implements ReadRecorder {
  private running: Promise<unknown> = Promise.resolve();
  private next: Batch | null = null;
  /** A batch belongs to no single request. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    private readonly log: EventLog,
    private readonly isEnabled: boolean,
  ) {}

  record(read: Read): Promise<void> {
    if (!this.isEnabled) return Promise.resolve();
    const batch = (this.next ??= this.begin());
    batch.events.push({ ...read, outcome: 'allowed', actor: currentActor() });
    return batch.recorded;
  }

  private begin(): Batch {
    const events: NewEvent[] = [];
    const recorded = this.outside(() =>
      this.running.then(() => {
        this.next = null;
        return this.log.add(...events);
      }),
    );
    this.running = recorded.catch(() => undefined);
    return { events, recorded };
  }
}
