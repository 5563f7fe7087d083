/** The queue keeps start data up to this size in memory; larger data is read at the start. */
export const STARTUP_BYTES_MAX = 64 * 1024;
/** How many larger ones are started concurrently: each may need some MiB until the remote side has read it. */
const LARGE_STARTS_MAX = 8;

/** A semaphore with a FIFO queue. */
export class LargeStarts {
  private free = LARGE_STARTS_MAX;
  private readonly waiting: (() => void)[] = [];

  /** Resolves with the release function when there is room. @throws if aborted meanwhile */
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
