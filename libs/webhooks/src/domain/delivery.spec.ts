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

describe('consequenceOf, with the longest delay', () => {
  it('adds nothing at random to a day', () => {
    const next = consequenceOf({ status: 503 }, 1, 86_400_000, () => 1);
    expect(next).toEqual({ kind: 'retry', afterMs: 86_400_000 });
  });
});

describe('retryAfterMs', () => {
  const now = new Date('2026-01-31T08:00:00Z');

  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Sat, 31 Jan 2026 08:01:00 GMT', 60_000],
    ['Sat, 31 Jan 2026 07:00:00 GMT', 0],
    ['99999999999', 86_400_000],
    ['9'.repeat(400), 86_400_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000],
    ['Saturday, 31-Jan-26 08:01:00 GMT', 60_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['Friday, 01-Jan-76 00:00:00 GMT', 86_400_000],
    ['Sat Jan 31 08:01:00 2026', 60_000],
    ['Sun Feb  1 07:00:00 2026', 82_800_000],
    ['Sat, 31 Foo 2026 08:01:00 GMT', null],
    ['Sat, 31 Jan 2026 08:01:00 CET', null],
    ['2026-01-31T08:01:00Z', null],
    ['1.5', null],
    ['', null],
    ['soon', null],
    ['-5', null],
    [undefined, null],
  ])('reads %s', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
