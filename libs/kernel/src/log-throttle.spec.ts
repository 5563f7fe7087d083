import { LogThrottle } from './log-throttle.js';

describe('LogThrottle', () => {
  it('admits one of a kind per interval, and returns how many it suppressed', () => {
    let now = 0;
    const throttle = new LogThrottle(1_000, 100, () => now);
    expect(throttle.admit('full')).toBe(0);
    for (let i = 0; i < 500; i++) expect(throttle.admit('full')).toBeNull();
    expect(throttle.admit('away')).toBe(0);
    now = 1_000;
    expect(throttle.admit('full')).toBe(500);
    expect(throttle.admit('full')).toBeNull();
    now = 2_000;
    expect(throttle.admit('full')).toBe(1);
  });

  it('distinguishes a bounded number of kinds', () => {
    const throttle = new LogThrottle(1_000, 2, () => 0);
    const through = ['a', 'b', 'c', 'd', 'e', 'a'].map((kind) => throttle.admit(kind));
    expect(through).toEqual([0, 0, 0, null, null, null]);
  });
});
