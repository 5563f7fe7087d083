import { RATE_WINDOW_MS, type RateLimitStore, type RateLimitVerdict } from '../src/rate-limit-store.js';
import { SlidingWindows } from '../src/sliding-windows.js';

export class InMemoryRateLimitStore implements RateLimitStore {
  private readonly windows = new SlidingWindows(RATE_WINDOW_MS, Infinity);

  constructor(private readonly now: () => number) {}

  hit(key: string, limit: number): Promise<RateLimitVerdict> {
    const now = this.now();
    const isAllowed = this.windows.count(key, now) < limit;
    if (isAllowed) this.windows.add(key, now);
    const remaining = Math.max(0, limit - this.windows.count(key, now));
    return Promise.resolve({ isAllowed, remaining, waitMs: this.windows.waitMs(key, now, limit) });
  }
}
