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

  it('hands over what came within the time after the first, each once', () => {
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

  it('hands over at once when told, and nothing if there is nothing', () => {
    coalescer.add('a');
    coalescer.flush();
    coalescer.flush();
    jest.advanceTimersByTime(1_000);
    expect(flushed).toEqual([['a']]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
