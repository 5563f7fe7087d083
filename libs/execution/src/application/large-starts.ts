/** What a command is started with is held by the queue up to this; what is larger is read when it is started. */
export const STARTUP_BYTES_MAX = 64 * 1024;
/** So many with more than that are started at a time: each may hold some MiB until the other side has read it. */
const LARGE_STARTS_MAX = 8;

/** Lets so many in at a time; the others wait in their order. */
export class LargeStarts {
  private free = LARGE_STARTS_MAX;
  private readonly waiting: (() => void)[] = [];

  /** Resolves when there is room, with what gives it back. @throws if aborted meanwhile */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (!signal.aborted) return this.leave;
    this.leave();
    throw signal.reason instanceof Error ? signal.reason : new Error('Aborted.');
  }

  private readonly leave = (): void => {
    const next = this.waiting.shift();
    if (next === undefined) this.free++;
    else next();
  };
}
