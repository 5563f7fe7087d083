import { Coalescer } from './coalescer.js';

describe('Coalescer', () => {
  let flushed: (readonly string[])[];
  let coalescer: Coalescer<string>;
  beforeEach(() => {
    jest.useFakeTimers();
    flushed = [];
    coalescer = new Coalescer(100, (items) => flushed.push(items));
  });
  afterEach(() => jest.useRealTimers());

  it('flushes distinct items some time after the first', () => {
    coalescer.add('a');
    jest.advanceTimersByTime(99);
    for (const item of ['b', 'a']) coalescer.add(item);
    expect(flushed).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(flushed).toEqual([['a', 'b']]);
    coalescer.add('a');
    jest.advanceTimersByTime(100);
    expect(flushed).toEqual([['a', 'b'], ['a']]);
  });

  it('flushes immediately on request, and not without items', () => {
    coalescer.add('a');
    coalescer.flush();
    coalescer.flush();
    jest.advanceTimersByTime(1_000);
    expect(flushed).toEqual([['a']]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
