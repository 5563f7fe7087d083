import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long to wait before another attempt: twice as long each time, with jitter so that replicas do not come together.
 */
export class Backoff {
  /**
   * @param firstMs after the attempt 0, at most
   * @param lastMs after any
   * @param leastShare the part of it that is not left to chance, from 0 to 1
   */
  constructor(
    private readonly firstMs: number,
    private readonly lastMs: number,
    private readonly leastShare = 0.5,
    private readonly random: () => number = Math.random,
  ) {}

  /** In milliseconds. */
  after(attempt: number): number {
    const most = Math.min(this.lastMs, this.firstMs * 2 ** attempt);
    return most * (this.leastShare + (1 - this.leastShare) * this.random());
  }

  /** @throws an AbortError once the signal aborts */
  async wait(attempt: number, signal?: AbortSignal): Promise<void> {
    await sleep(this.after(attempt), undefined, { signal });
  }
}
