import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Runs a job repeatedly: immediately when woken, otherwise after the interval. Runs never overlap.
 * The job returns whether there is more to do now.
 */
export class Poller {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private woken = false;
  private stopped = true;
  /** The job must not run in the request or transaction of the code that wakes it. */
  private readonly outside = AsyncLocalStorage.snapshot();

  constructor(
    private readonly job: () => Promise<boolean>,
    private readonly intervalMs: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    this.stopped = false;
    this.wake();
  }

  /** Runs the job immediately, or once more if it is running. */
  wake(): void {
    if (this.stopped) return;
    this.woken = true;
    if (this.running !== undefined) return;
    clearTimeout(this.timer);
    this.running = this.outside(() => this.drain()).finally(() => {
      this.running = undefined;
      if (this.stopped) return;
      if (this.woken) this.wake();
      else
        this.timer = setTimeout(() => {
          this.wake();
        }, this.intervalMs);
    });
  }

  /** Waits for a run in progress; none begins afterwards. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async drain(): Promise<void> {
    try {
      do {
        this.woken = false;
        if (await this.job()) this.woken = true;
      } while (this.woken && !this.stopped);
    } catch (error) {
      this.woken = false;
      this.onError(error);
    }
  }
}
