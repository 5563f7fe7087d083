import { RATE_WINDOW_MS, type RateLimitStore } from '../src/rate-limit-store.js';

/** The behaviour of a single {@link RateLimitStore}. */
export function describeRateLimitStore(
  name: string,
  open: (now: () => number) => Promise<{ store: RateLimitStore; close: () => Promise<void> }>,
): void {
  describe(name, () => {
    let now = 1_000_000;
    let store: RateLimitStore;
    let close: () => Promise<void>;
    let key = 0;

    beforeAll(async () => {
      ({ store, close } = await open(() => now));
    });
    afterAll(() => close());
    beforeEach(() => {
      key++;
      now += 10 * RATE_WINDOW_MS;
    });

    const hit = (limit: number, of = `key_${key}`) => store.hit(of, limit);
    const allowed = async (times: number, limit: number): Promise<number> => {
      let count = 0;
      for (let i = 0; i < times; i++) if ((await hit(limit)).isAllowed) count++;
      return count;
    };

    it('allows a burst up to the limit, and not one more', async () => {
      expect(await allowed(150, 100)).toBe(100);
    });

    it('is exact at the boundaries of the window', async () => {
      const start = now;
      expect(await allowed(3, 3)).toBe(3);
      now = start + RATE_WINDOW_MS - 1;
      expect(await hit(3)).toEqual({ isAllowed: false, remaining: 0, waitMs: 1 });
      now = start + RATE_WINDOW_MS;
      expect(await allowed(5, 3)).toBe(3);
    });

    it('slides: no span as long as the window ever exceeds the limit', async () => {
      const times: number[] = [];
      for (let i = 0; i < 2_000; i++) {
        now += (i * 7919) % 61;
        if ((await hit(10)).isAllowed) times.push(now);
      }
      expect(times.length).toBeGreaterThan(40);
      for (let i = 10; i < times.length; i++) {
        expect(times[i]! - times[i - 10]!).toBeGreaterThanOrEqual(RATE_WINDOW_MS);
      }
    });

    it('returns how many remain, and the time until one more is allowed', async () => {
      const start = now;
      expect(await hit(3)).toEqual({ isAllowed: true, remaining: 2, waitMs: RATE_WINDOW_MS });
      now = start + 4_000;
      expect(await hit(3)).toEqual({ isAllowed: true, remaining: 1, waitMs: RATE_WINDOW_MS - 4_000 });
      expect(await hit(3)).toEqual({ isAllowed: true, remaining: 0, waitMs: RATE_WINDOW_MS - 4_000 });
      expect(await hit(3)).toEqual({ isAllowed: false, remaining: 0, waitMs: RATE_WINDOW_MS - 4_000 });
    });

    it('allows a request after the wait that it returned, also after the limit was lowered', async () => {
      for (let i = 0; i < 6; i++) {
        await hit(6);
        now += 1_000;
      }
      const refused = await hit(2);
      expect(refused.isAllowed).toBe(false);
      now += refused.waitMs - 1;
      expect((await hit(2)).isAllowed).toBe(false);
      now += 1;
      expect((await hit(2)).isAllowed).toBe(true);
    });

    it('does not count refused requests: retries do not prolong the wait', async () => {
      await allowed(2, 2);
      for (let i = 0; i < 9; i++) {
        now += 1_000;
        expect(await allowed(20, 2)).toBe(0);
      }
      now += 1_000;
      expect((await hit(2)).isAllowed).toBe(true);
    });

    it('separates keys', async () => {
      expect(await allowed(2, 1)).toBe(1);
      expect((await hit(1, `other_${key}`)).isAllowed).toBe(true);
    });

    it('allows the same number of concurrent requests', async () => {
      const verdicts = await Promise.all(Array.from({ length: 300 }, () => hit(100)));
      expect(verdicts.filter(({ isAllowed }) => isAllowed)).toHaveLength(100);
    });
  });
}
