import { DomainError, Unavailable, RateLimited } from '@app/kernel';
import { RATE_WINDOW_MS } from './rate-limit-store.js';
import { Deferred } from '@app/kernel/testing';
import { FailedAttempts } from './failed-attempts.js';

class Refused extends DomainError {
  readonly kind = 'unauthenticated';
  readonly code = 'UNAUTHENTICATED';
}

describe('FailedAttempts', () => {
  const LIMIT = 5;
  let now: number;
  let attempts: FailedAttempts;
  beforeEach(() => {
    now = 1_000;
    attempts = new FailedAttempts(LIMIT, () => now, 100);
  });

  const from = (ip?: string, destroyed = false) => ({ ip, socket: { destroyed } }) as never;
  const fail = (ip?: string) =>
    attempts.watch(from(ip), () => Promise.reject(new Refused('no'))).catch((error: unknown) => error);
  const failUpToTheLimit = async (ip?: string) => {
    for (let i = 0; i < LIMIT; i++) expect(await fail(ip)).toBeInstanceOf(Refused);
    expect(await fail(ip)).toBeInstanceOf(RateLimited);
  };

  it('refuses an address at the limit of failures, until the oldest leaves the window', async () => {
    await failUpToTheLimit('192.0.2.1');
    now += RATE_WINDOW_MS - 1;
    expect(await fail('192.0.2.1')).toMatchObject({ retryAfterSeconds: 1 });
    now += 1;
    expect(await fail('192.0.2.1')).toBeInstanceOf(Refused);
  });

  it('never refuses a valid key, however many others have failed from the same address', async () => {
    await failUpToTheLimit('192.0.2.1');
    for (let i = 0; i < 50; i++) {
      await fail('192.0.2.1');
      expect(await attempts.watch(from('192.0.2.1'), () => Promise.resolve('caller'))).toBe('caller');
    }
  });

  it('counts only failures, not successes or outages', async () => {
    for (let i = 0; i < 3 * LIMIT; i++) {
      await attempts.watch(from('192.0.2.1'), () => Promise.resolve());
      await expect(attempts.watch(from('192.0.2.1'), () => Promise.reject(new Unavailable('away')))).rejects.toThrow(
        'away',
      );
    }
    expect(await fail('192.0.2.1')).toBeInstanceOf(Refused);
  });

  it('is not prolonged by further attempts', async () => {
    await failUpToTheLimit('192.0.2.1');
    for (let i = 0; i < 9; i++) {
      now += 1_000;
      expect(await fail('192.0.2.1')).toBeInstanceOf(RateLimited);
    }
    now += 1_000;
    expect(await fail('192.0.2.1')).toBeInstanceOf(Refused);
  });

  it('treats an IPv6 /64 as one client, and distinguishes others', async () => {
    for (let i = 0; i < LIMIT; i++) await fail(`2001:db8:1:2::${i}`);
    expect(await fail('2001:db8:1:2:ffff::1')).toBeInstanceOf(RateLimited);
    expect(await fail('2001:db8:1:3::1')).toBeInstanceOf(Refused);
    expect(await fail('192.0.2.9')).toBeInstanceOf(Refused);
    await failUpToTheLimit(undefined);
  });

  it('forgets a counter only if more addresses fail within a window than it can store', async () => {
    await failUpToTheLimit('192.0.2.1');
    for (let i = 0; i < 99; i++) await fail(`198.51.100.${i}`);
    expect(await fail('192.0.2.1')).toBeInstanceOf(RateLimited);
    await fail('203.0.113.1');
    expect(await fail('192.0.2.1')).toBeInstanceOf(Refused);
    expect(await fail('203.0.113.2')).toBeInstanceOf(Refused);
  });

  it('looks up few keys concurrently beyond the limit, and none for disconnected clients', async () => {
    await failUpToTheLimit('192.0.2.1');
    const slow = new Deferred();
    let running = 0;
    let most = 0;
    let lookups = 0;
    const lookUp = async () => {
      lookups++;
      most = Math.max(most, ++running);
      await slow.promise;
      running--;
      throw new Refused('no');
    };
    const answers = Array.from({ length: 40 }, (_, i) =>
      attempts.watch(from('192.0.2.1', i >= 20), lookUp).catch((error: unknown) => error),
    );
    const good = attempts.watch(from('192.0.2.1'), () => Promise.resolve('caller'));
    slow.resolve();
    for (const answer of await Promise.all(answers)) expect(answer).toBeInstanceOf(RateLimited);
    expect(await good).toBe('caller');
    expect({ most, lookups }).toEqual({ most: 4, lookups: 20 });
  });

  it('is off with a limit of 0', async () => {
    attempts = new FailedAttempts(0);
    for (let i = 0; i < 1_000; i++) expect(await fail('192.0.2.1')).toBeInstanceOf(Refused);
  });
});
