import { setTimeout as sleep } from 'node:timers/promises';
import { backoff } from './backoff.js';

export interface Cancelling {
  /** Aborted: kill from now on. */
  readonly cancel: AbortSignal;
  /** Aborted: let go. */
  readonly signal: AbortSignal;
  /** Kills what there is to kill; does no harm when there is nothing. */
  readonly kill: () => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

/** Kills once that is asked for, again and again until it is stopped; answers what stops it. */
export function cancelOnRequest({ cancel, signal, kill, onError }: Cancelling): () => void {
  const stopped = new AbortController();
  const over = AbortSignal.any([signal, stopped.signal]);
  const killUntilOver = async (): Promise<void> => {
    for (let attempt = 0; !over.aborted; attempt++) {
      await kill().catch(onError);
      await sleep(backoff(attempt + 2), undefined, { signal: over }).catch(() => undefined);
    }
  };
  const onCancel = (): void => void killUntilOver();
  if (cancel.aborted) onCancel();
  else cancel.addEventListener('abort', onCancel, { once: true });
  return () => {
    stopped.abort();
    cancel.removeEventListener('abort', onCancel);
  };
}
