import { Backoff } from '@app/resilience';
import { Deferred, until } from '@app/kernel/testing';
import { Cancellation, cancelOnRequest } from './cancellation.js';

describe('cancelOnRequest', () => {
  let cancellation: Cancellation;
  let kills: number[];
  let killing: Deferred;
  let stop: () => void;
  const letGo = new AbortController();

  beforeEach(() => {
    cancellation = new Cancellation();
    kills = [];
    killing = new Deferred();
  });
  afterEach(() => {
    stop();
    killing.resolve();
  });

  const begin = (kill = async (): Promise<unknown> => killing.promise): void => {
    stop = cancelOnRequest({
      cancellation,
      signal: letGo.signal,
      backoff: new Backoff(50, 5_000),
      kill: (graceSeconds) => {
        kills.push(graceSeconds);
        return kill();
      },
      onError: () => undefined,
    });
  };

  it('kills on request, also if the request came first', () => {
    begin();
    expect(kills).toEqual([]);
    cancellation.request(5);
    expect(kills).toEqual([5]);
    stop();
    begin();
    expect(kills).toEqual([5, 5]);
  });

  it('shortens the grace period on a later request, and never extends it', () => {
    begin();
    for (const grace of [60, 60, 90, 10, 30, 0, 0]) cancellation.request(grace);
    expect(kills).toEqual([60, 10, 0]);
  });

  it('retries until it is stopped', async () => {
    begin(() => Promise.reject(new Error('reset')));
    cancellation.request(1);
    await until(() => kills.length >= 3);
    stop();
    const count = kills.length;
    cancellation.request(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(kills).toHaveLength(count);
  });
});
