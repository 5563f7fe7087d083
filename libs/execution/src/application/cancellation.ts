import type { Backoff } from '@app/resilience';

/** The wish to end a command. A later one counts if it leaves less time. */
export class Cancellation {
  private graceSeconds = Infinity;
  private listener: ((graceSeconds: number) => void) | undefined;

  request(graceSeconds: number): void {
    if (graceSeconds >= this.graceSeconds) return;
    this.graceSeconds = graceSeconds;
    this.listener?.(graceSeconds);
  }

  /** Calls back for each wish that counts, at once if there was one; returns what stops that. One listener. */
  onRequest(listener: (graceSeconds: number) => void): () => void {
    this.listener = listener;
    if (this.graceSeconds < Infinity) listener(this.graceSeconds);
    return () => (this.listener = undefined);
  }
}

export interface Cancelling {
  readonly cancellation: Cancellation;
  /** Aborted: let go. */
  readonly signal: AbortSignal;
  readonly backoff: Backoff;
  /** Kills what there is to kill; does no harm when there is nothing. */
  readonly kill: (graceSeconds: number) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

/** Kills once that is asked for, again and again until it is stopped; answers what stops it. */
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
