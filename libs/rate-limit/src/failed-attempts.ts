import { DomainError, subscriberOf, RateLimited } from '@app/kernel';
import { RATE_WINDOW_MS } from './rate-limit-store.js';
import { SlidingWindows } from './sliding-windows.js';
import type { Request } from 'express';

/** Each takes some kilobytes at most. Whoever has more addresses than this has no need to be forgotten. */
const ADDRESSES_MAX = 10_000;
/** What addresses beyond their limit may have the server look up at a time. */
const LOOKUPS_MAX = 4;

/**
 * Throttles failed authentication by address, per replica; an IPv6 client counts by its /64. Only failures count, and a
 * key that verifies always passes: so beyond the limit keys are still looked up, but few at a time, and the others
 * wait. The wait costs the client a connection and the server next to nothing.
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

  /** Answers who calls, or throws what `authenticate` throws; @throws {@link RateLimited} instead, beyond the limit */
  async watch<T>(request: Pick<Request, 'ip' | 'socket'>, authenticate: () => Promise<T>): Promise<T> {
    const subscriber = subscriberOf(request.ip ?? request.socket.remoteAddress ?? 'unknown');
    if (!this.isOver(subscriber)) return authenticate().catch((error: unknown) => this.failed(subscriber, error));
    await this.turn();
    try {
      if (request.socket.destroyed) throw this.refusal(subscriber);
      return await authenticate();
    } catch (error) {
      if (isRefusal(error) && this.isOver(subscriber)) throw this.refusal(subscriber);
      return this.failed(subscriber, error);
    } finally {
      this.pass();
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
    return new RateLimited('Too many attempts from this address have failed.', waitMs);
  }

  private async turn(): Promise<void> {
    if (this.running < LOOKUPS_MAX) this.running++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Gives the turn to who waited longest. */
  private pass(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running--;
    else next();
  }
}

/** The key was refused; in contrast to a database that is away. */
function isRefusal(error: unknown): boolean {
  return error instanceof DomainError && (error.kind === 'unauthenticated' || error.kind === 'forbidden');
}
