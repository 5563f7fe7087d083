import { HitLog, SlidingWindows } from './sliding-windows.js';

describe('HitLog', () => {
  it('needs at most one entry per millisecond, whatever the load', () => {
    const log = new HitLog();
    for (let i = 0; i < 100_000; i++) log.add(i / 1_000);
    expect(log.total).toBe(100_000);
    expect([...log.since(0)].length).toBeLessThanOrEqual(101);
  });

  it('never drops a hit too early, and tolerates times that go back', () => {
    const log = new HitLog();
    log.add(5.2);
    log.add(3);
    log.forgetUntil(5.9);
    expect(log.total).toBe(2);
    log.forgetUntil(6);
    expect(log.total).toBe(0);
  });
});

describe('SlidingWindows', () => {
  it('agrees with a naive count', () => {
    const windows = new SlidingWindows(100, 10);
    const times: number[] = [];
    let now = 0;
    for (let i = 0; i < 5_000; i++) {
      now += (i * 31) % 13;
      const expected = times.filter((time) => time > now - 100).length;
      expect(windows.count('a', now)).toBe(expected);
      if (i % 3 > 0) {
        windows.add('a', now);
        times.push(now);
      }
    }
  });

  it('forgets idle keys', () => {
    const windows = new SlidingWindows(100, 1_000);
    for (let i = 0; i < 500; i++) windows.add(`key-${i}`, i);
    expect(windows.size).toBeLessThanOrEqual(101);
    windows.add('last', 10_000);
    expect(windows.size).toBe(1);
  });

  it('forgets only the longest idle key at its maximum', () => {
    const windows = new SlidingWindows(1_000, 3);
    for (const key of ['a', 'b', 'c', 'a', 'd']) windows.add(key, 1);
    expect(['a', 'b', 'c', 'd'].map((key) => windows.count(key, 1))).toEqual([2, 0, 1, 1]);
  });
});
