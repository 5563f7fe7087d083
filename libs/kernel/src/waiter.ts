/** A flag that hints raise and one consumer waits for; hints between two waits are not missed. */
export class Waiter {
  private raised = false;
  private resume: (() => void) | undefined;

  readonly raise = (): void => {
    this.raised = true;
    this.resume?.();
  };

  /** Resolves when raised, after the timeout, or when aborted; clears the flag. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.raised && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', settle);
          this.resume = undefined;
          resolve();
        };
        const timer = setTimeout(settle, timeoutMs);
        signal.addEventListener('abort', settle, { once: true });
        this.resume = settle;
      });
    }
    this.raised = false;
  }
}
