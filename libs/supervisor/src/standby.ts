import type { Conversation } from './conversation.js';

/** Each is a connection and two shells. */
const PLACES_MAX = 100;

/** What waits for the next command of one place: a launcher that has done everything that does not depend on it. */
export interface Standby {
  /** The launcher, which is then the caller's; null if none waits. */
  take(): Promise<Conversation | null>;
  /** Has a launcher wait, or the one that waits wait longer. */
  prepare(begin: () => Promise<Conversation>): void;
}

interface Waiting {
  /** Null: it could not be started, or the place has no room. The next start finds out why. */
  readonly launcher: Promise<Conversation | null>;
  readonly timer: NodeJS.Timeout;
}

/** Keeps a launcher waiting in each place that was used a short time ago. */
export class Standbys {
  /** The longest unused first. */
  private readonly waiting = new Map<string, Waiting>();
  private isClosed = false;

  /** @param seconds for which a launcher waits; 0: none does */
  constructor(private readonly seconds: number) {}

  /** @returns undefined if it is off */
  of(place: string): Standby | undefined {
    if (this.seconds === 0) return undefined;
    return {
      take: () => this.take(place),
      prepare: (begin) => {
        this.prepare(place, begin);
      },
    };
  }

  close(): void {
    this.isClosed = true;
    for (const place of [...this.waiting.keys()]) this.drop(place);
  }

  private async take(place: string): Promise<Conversation | null> {
    const waiting = this.waiting.get(place);
    if (waiting === undefined) return null;
    this.waiting.delete(place);
    clearTimeout(waiting.timer);
    return waiting.launcher;
  }

  private prepare(place: string, begin: () => Promise<Conversation>): void {
    if (this.isClosed) return;
    const known = this.waiting.get(place);
    if (known !== undefined) {
      known.timer.refresh();
      return;
    }
    const timer = setTimeout(() => {
      this.drop(place);
    }, this.seconds * 1_000).unref();
    const waiting = { launcher: begin().catch(() => null), timer };
    this.waiting.set(place, waiting);
    void waiting.launcher.then(async (launcher) => {
      await launcher?.channel.ended;
      if (this.waiting.get(place) === waiting) this.drop(place);
    });
    const [oldest] = this.waiting.keys();
    if (this.waiting.size > PLACES_MAX && oldest !== undefined) this.drop(oldest);
  }

  private drop(place: string): void {
    void this.take(place).then((launcher) => launcher?.channel.destroy());
  }
}
