import { Unavailable } from '@app/kernel';
import { Backoff } from './backoff.js';
import { retryWhileUnavailable } from './retry.js';

describe('retryWhileUnavailable', () => {
  const backoff = new Backoff(0, 0);
  const { signal } = new AbortController();

  it('returns what the work returns in the end', async () => {
    const work = jest.fn(() => Promise.resolve('done'));
    work.mockRejectedValueOnce(new Unavailable('a')).mockRejectedValueOnce(new Unavailable('b'));
    expect(await retryWhileUnavailable(work, { signal, backoff })).toBe('done');
    expect(work).toHaveBeenCalledTimes(3);
  });

  it('throws any other error at once', async () => {
    const work = jest.fn(() => Promise.reject(new Error('wrong')));
    await expect(retryWhileUnavailable(work, { signal, backoff })).rejects.toThrow('wrong');
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('stops when it is aborted, before an attempt or between two', async () => {
    const abort = new AbortController();
    const work = jest.fn(() => {
      abort.abort(new Error('lease lost'));
      return Promise.reject(new Unavailable('away'));
    });
    const attempt = (): Promise<unknown> => retryWhileUnavailable(work, { signal: abort.signal, backoff });
    await expect(attempt()).rejects.toThrow('aborted');
    await expect(attempt()).rejects.toThrow('lease lost');
    expect(work).toHaveBeenCalledTimes(1);
  });
});
