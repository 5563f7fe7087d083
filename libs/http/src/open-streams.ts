import type { ServerResponse } from 'node:http';
import { DomainError } from '@app/kernel';
import { onceClosed } from './once-closed.js';

export class TooManyStreams extends DomainError {
  readonly kind = 'rate-limited';
  readonly code = 'TOO_MANY_STREAMS';
  override readonly retryable = true;
  override readonly retryAfterSeconds = 1;

  constructor(max: number) {
    super(`The key has ${String(max)} streams and long polls open on this replica, which is the limit.`, { max });
  }
}

/** Counts the streams and long polls that each key has open in this replica. */
export class OpenStreams {
  private readonly open = new Map<string, number>();

  constructor(private readonly perKeyMax: number) {}

  /** For as long as the response lasts, whose client may have left already. @throws {@link TooManyStreams} */
  hold(keyId: string, response: ServerResponse): void {
    onceClosed(response, this.acquire(keyId));
  }

  /** Answers what releases it; releasing twice does no harm. @throws {@link TooManyStreams} */
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
