import { Batch } from './batch.js';

describe('Batch', () => {
  let handed: (readonly string[])[];
  let batch: Batch<string>;
  beforeEach(() => {
    jest.useFakeTimers();
    handed = [];
    batch = new Batch(100, (items) => handed.push(items));
  });
  afterEach(() => jest.useRealTimers());

  it('hands over what came within the time after the first, each once', () => {
    batch.add('a');
    jest.advanceTimersByTime(99);
    for (const item of ['b', 'a']) batch.add(item);
    expect(handed).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(handed).toEqual([['a', 'b']]);
    batch.add('a');
    jest.advanceTimersByTime(100);
    expect(handed).toEqual([['a', 'b'], ['a']]);
  });

  it('hands over at once when told, and nothing if there is nothing', () => {
    batch.add('a');
    batch.flush();
    batch.flush();
    jest.advanceTimersByTime(1_000);
    expect(handed).toEqual([['a']]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
