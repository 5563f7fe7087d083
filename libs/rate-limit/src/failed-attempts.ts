import { DomainError, subscriberOf, RateLimited } from '@app/kernel';
import { RATE_WINDOW_MS } from './rate-limit-store.js';
import { SlidingWindows } from './sliding-windows.js';
import type { Request } from 'express';

/** Each takes a few kilobytes at most. A client with more addresses than this gains nothing from being forgotten. */
const ADDRESSES_MAX = 10_000;
/** Concurrent lookups for all addresses beyond their limit. */
const LOOKUPS_MAX = 4;

/**
 * Throttles failed authentication by address, per replica; an IPv6 client counts by its /64. Only failures count, and a
 * valid key is always accepted: so beyond the limit keys are still looked up, but few at a time while the others wait.
 * Waiting costs the client a connection and the server next to nothing.
 */
export class FailedAttempts {
  private readonly failures: SlidingWindows;
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  /** @param limit failures per window and address; 0: no limit */
  constructor(
    private readonly limit: number,
    private readonly now: () => number = () => performance.now(),
    addressesMax = ADDRESSES_MAX,
  ) {
    this.failures = new SlidingWindows(RATE_WINDOW_MS, addressesMax);
  }

  /**
   * Returns the result of `authenticate` or rethrows its error; beyond the limit
   * @throws {@link RateLimited} instead.
   */
  async watch<T>(request: Pick<Request, 'ip' | 'socket'>, authenticate: () => Promise<T>): Promise<T> {
    const subscriber = subscriberOf(request.ip ?? request.socket.remoteAddress ?? 'unknown');
    if (!this.isOver(subscriber)) return authenticate().catch((error: unknown) => this.failed(subscriber, error));
    await this.acquireSlot();
    try {
      if (request.socket.destroyed) throw this.refusal(subscriber);
      return await authenticate();
    } catch (error) {
      if (isRefusal(error) && this.isOver(subscriber)) throw this.refusal(subscriber);
      return this.failed(subscriber, error);
    } finally {
      this.releaseSlot();
    }
  }

  private failed(subscriber: string, error: unknown): never {
    if (isRefusal(error) && this.limit > 0) this.failures.add(subscriber, this.now());
    throw error;
  }

  private isOver(subscriber: string): boolean {
    return this.limit > 0 && this.failures.count(subscriber, this.now()) >= this.limit;
  }

  private refusal(subscriber: string): RateLimited {
    const waitMs = this.failures.waitMs(subscriber, this.now(), this.limit);
    return new RateLimited('Too many failed authentication attempts from this address.', waitMs);
  }

  private async acquireSlot(): Promise<void> {
    if (this.running < LOOKUPS_MAX) this.running++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Passes the slot to the request that has waited longest. */
  private releaseSlot(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running--;
    else next();
  }
}

/** Whether the key was refused, as opposed to a database outage. */
function isRefusal(error: unknown): boolean {
  return error instanceof DomainError && (error.kind === 'unauthenticated' || error.kind === 'forbidden');
}
