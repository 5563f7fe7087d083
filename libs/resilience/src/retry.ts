import { Unavailable } from '@app/kernel';
import type { Backoff } from './backoff.js';

export interface Retrying {
  /** Aborted: no other attempt. */
  readonly signal: AbortSignal;
  readonly backoff: Backoff;
}

/**
 * What the work returns, once what it needs is available.
 * @throws what the work throws, if that is not {@link Unavailable}; the reason of the signal, or an AbortError
 */
export async function retryWhileUnavailable<T>(work: () => Promise<T>, { signal, backoff }: Retrying): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      await backoff.wait(attempt, signal);
    }
  }
}
