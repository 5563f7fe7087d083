import { consequenceOf, retryAfterMs } from './delivery.js';

const never = (): number => 0;

describe('consequenceOf', () => {
  it.each([200, 202, 204, 299])('counts %i as delivered', (status) => {
    expect(consequenceOf({ status }, 1, null)).toEqual({ kind: 'delivered' });
  });

  it.each([null, 100, 301, 302, 304, 400, 404, 429, 500, 503])('tries again after %s', (status) => {
    expect(consequenceOf({ status }, 1, null, never)).toEqual({ kind: 'retry', afterMs: 5_000 });
  });

  it('takes 410 as the last word', () => {
    expect(consequenceOf({ status: 410 }, 1, null)).toEqual({ kind: 'gone' });
  });

  it('follows the schedule, and fails after nine attempts', () => {
    const delays = Array.from({ length: 9 }, (_, i) => consequenceOf({ status: 500 }, i + 1, null, never));
    const seconds = delays.map((next) => (next.kind === 'retry' ? next.afterMs / 1_000 : next.kind));
    expect(seconds).toEqual([5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 'failed']);
  });

  it('adds at most a fifth at random', () => {
    expect(consequenceOf({ status: 500 }, 2, null, () => 1)).toEqual({ kind: 'retry', afterMs: 36_000 });
  });

  it('waits as long as the endpoint asks for, up to a day, and never less than the schedule', () => {
    const after = (askedMs: number) => consequenceOf({ status: 503 }, 1, askedMs, never);
    expect([60_000, 1_000, 1e12].map(after)).toEqual(
      [60_000, 5_000, 86_400_000].map((afterMs) => ({ kind: 'retry', afterMs })),
    );
  });
});

describe('retryAfterMs', () => {
  const now = new Date('2026-01-31T08:00:00Z');

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Sat, 31 Jan 2026 08:01:00 GMT', 60_000],
    ['Sat, 31 Jan 2026 07:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    [undefined, null],
  ])('reads %s', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
