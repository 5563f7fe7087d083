import type { Backoff } from '@app/resilience';

/** Requests to cancel a command. A later one counts only if it shortens the grace period. */
export class Cancellation {
  private graceSeconds = Infinity;
  private listener: ((graceSeconds: number) => void) | undefined;

  request(graceSeconds: number): void {
    if (graceSeconds >= this.graceSeconds) return;
    this.graceSeconds = graceSeconds;
    this.listener?.(graceSeconds);
  }

  /**
   * Calls back for each request that counts, immediately if there already was one; returns the unsubscribe function.
   * Supports one listener.
   */
  onRequest(listener: (graceSeconds: number) => void): () => void {
    this.listener = listener;
    if (this.graceSeconds < Infinity) listener(this.graceSeconds);
    return () => (this.listener = undefined);
  }
}

export interface Cancelling {
  readonly cancellation: Cancellation;
  /** Aborted: stop trying. */
  readonly signal: AbortSignal;
  readonly backoff: Backoff;
  /** Kills the command; harmless if nothing is running. */
  readonly kill: (graceSeconds: number) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

/** Kills on request, retrying until stopped; returns the function that stops it. */
export function cancelOnRequest({ cancellation, signal, backoff, kill, onError }: Cancelling): () => void {
  let current = new AbortController();
  const killUntilOver = async (graceSeconds: number, over: AbortSignal): Promise<void> => {
    for (let attempt = 0; !over.aborted; attempt++) {
      await kill(graceSeconds).catch(onError);
      await backoff.wait(attempt + 2, over).catch(() => undefined);
    }
  };
  const unsubscribe = cancellation.onRequest((graceSeconds) => {
    current.abort();
    current = new AbortController();
    void killUntilOver(graceSeconds, AbortSignal.any([signal, current.signal]));
  });
  return () => {
    unsubscribe();
    current.abort();
  };
}
