import { Backoff } from './backoff.js';

describe('Backoff', () => {
  const after = (leastShare: number, random: number): number[] =>
    [0, 1, 2, 10, 2_000].map((attempt) => new Backoff(50, 5_000, leastShare, () => random).after(attempt));

  it('doubles up to the last', () => {
    expect(after(1, 0)).toEqual([50, 100, 200, 5_000, 5_000]);
  });

  it('leaves a part to chance', () => {
    expect(after(0.5, 0)).toEqual([25, 50, 100, 2_500, 2_500]);
    expect(after(0.5, 1)).toEqual([50, 100, 200, 5_000, 5_000]);
    expect(after(0, 0)).toEqual([0, 0, 0, 0, 0]);
  });

  it('ends a wait when it is aborted', async () => {
    const abort = new AbortController();
    const waiting = new Backoff(1e6, 1e6).wait(0, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toThrow('aborted');
  });
});
