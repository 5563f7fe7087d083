import { Unavailable, RateLimited } from '@app/kernel';

export interface BodyLimits {
  readonly bytesMax: number;
  readonly bytesPerKeyMax: number;
  /** Maximum number of waiting requests. */
  readonly waitingMax: number;
  readonly waitMs: number;
}

const DEFAULTS: BodyLimits = {
  bytesMax: 32 * 1_048_576,
  bytesPerKeyMax: 8 * 1_048_576,
  waitingMax: 256,
  waitMs: 10_000,
};

interface Waiting {
  readonly keyId: string;
  readonly bytes: number;
  readonly admit: () => void;
}

/**
 * Limits the memory for bodies in this replica, in total and per key, so that large or slow bodies cannot exhaust it,
 * and one key cannot block others. Requests beyond the limit wait.
 */
export class BodyBudget {
  private readonly byKey = new Map<string, number>();
  private readonly waiting = new Set<Waiting>();
  private readonly limits: BodyLimits;
  private total = 0;

  constructor(limits: Partial<BodyLimits> = {}) {
    this.limits = { ...DEFAULTS, ...limits };
  }

  /**
   * Reserves bytes. Returns a function that reduces the reservation to a number of bytes, finally to 0.
   * @throws {@link RateLimited} if the key's limit, {@link Unavailable} if the replica's limit is still reached after
   * the maximum wait
   */
  async take(keyId: string, bytes: number): Promise<(kept: number) => void> {
    if (!this.fits(keyId, bytes)) await this.room(keyId, bytes);
    else this.add(keyId, bytes);
    let held = bytes;
    return (kept) => {
      this.add(keyId, kept - held);
      held = kept;
      this.admit();
    };
  }

  private room(keyId: string, bytes: number): Promise<void> {
    const { waitingMax, waitMs } = this.limits;
    if (this.waiting.size >= waitingMax) throw this.refusal(keyId, bytes);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(waiting);
        reject(this.refusal(keyId, bytes));
      }, waitMs);
      const waiting: Waiting = {
        keyId,
        bytes,
        admit: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.waiting.add(waiting);
    });
  }

  private admit(): void {
    for (const waiting of this.waiting) {
      if (!this.fits(waiting.keyId, waiting.bytes)) continue;
      this.waiting.delete(waiting);
      this.add(waiting.keyId, waiting.bytes);
      waiting.admit();
    }
  }

  private add(keyId: string, bytes: number): void {
    this.total += bytes;
    const ofKey = this.ofKey(keyId) + bytes;
    if (ofKey > 0) this.byKey.set(keyId, ofKey);
    else this.byKey.delete(keyId);
  }

  private fits(keyId: string, bytes: number): boolean {
    return this.fitsKey(keyId, bytes) && this.total + bytes <= this.limits.bytesMax;
  }

  private fitsKey(keyId: string, bytes: number): boolean {
    return this.ofKey(keyId) + bytes <= this.limits.bytesPerKeyMax;
  }

  private ofKey(keyId: string): number {
    return this.byKey.get(keyId) ?? 0;
  }

  private refusal(keyId: string, bytes: number): RateLimited | Unavailable {
    return this.fitsKey(keyId, bytes)
      ? new Unavailable('This replica has reached its limit for request bodies in progress.')
      : new RateLimited('The key has reached its limit for request bodies in progress.', 1_000);
  }
}
