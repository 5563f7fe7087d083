import type { ServerResponse } from 'node:http';
import { DomainError } from '@app/kernel';
import { onceClosed } from './once-closed.js';

export class TooManyStreams extends DomainError {
  readonly kind = 'rate-limited';
  readonly code = 'TOO_MANY_STREAMS';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 1;

  constructor(max: number) {
    super(`The key has reached its limit of ${String(max)} open streams and long polls on this replica.`, { max });
  }
}

/** Limits the open streams and long polls per key in this replica. */
export class OpenStreams {
  private readonly open = new Map<string, number>();

  constructor(private readonly perKeyMax: number) {}

  /** Counts the response as open until it closes. @throws {@link TooManyStreams} */
  hold(keyId: string, response: ServerResponse): void {
    onceClosed(response, this.acquire(keyId));
  }

  /** Returns an idempotent release function. @throws {@link TooManyStreams} */
  acquire(keyId: string): () => void {
    const count = this.open.get(keyId) ?? 0;
    if (count >= this.perKeyMax) throw new TooManyStreams(this.perKeyMax);
    this.open.set(keyId, count + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.open.get(keyId) ?? 1) - 1;
      if (left > 0) this.open.set(keyId, left);
      else this.open.delete(keyId);
    };
  }
}
