import { Deferred, until } from '@app/kernel/testing';
import { Poller } from './poller.js';
import { currentRequest, runInRequest } from './request-context.js';

const FAR_MS = 3_600_000;
const never = (error: unknown): void => {
  throw error as Error;
};

describe('Poller', () => {
  const pollers: Poller[] = [];
  const open = (job: () => Promise<boolean>, intervalMs = FAR_MS, onError = never): Poller => {
    const poller = new Poller(job, intervalMs, onError);
    pollers.push(poller);
    return poller;
  };
  afterEach(async () => {
    await Promise.all(pollers.splice(0).map((poller) => poller.stop()));
  });

  it('runs immediately when started, and again after the interval', async () => {
    let runs = 0;
    open(async () => ++runs < 0, 10).start();
    expect(runs).toBe(1);
    await until(() => runs >= 3);
  });

  it('continues without a pause while the job returns that there is more', async () => {
    let runs = 0;
    open(async () => ++runs < 5).start();
    await until(() => runs === 5);
  });

  it('runs immediately when woken', async () => {
    let runs = 0;
    const poller = open(async () => ++runs < 0);
    poller.start();
    for (let expected = 2; expected < 10; expected++) {
      await until(() => {
        poller.wake();
        return runs >= expected;
      });
    }
  });

  it('runs once more if woken during a run, however often, and never concurrently', async () => {
    const gates = [new Deferred(), new Deferred(), new Deferred()];
    let [runs, active, most] = [0, 0, 0];
    const poller = open(async () => {
      most = Math.max(most, ++active);
      await gates[runs++]?.promise;
      active--;
      return false;
    });
    poller.start();
    for (let i = 0; i < 10; i++) poller.wake();
    gates[0]!.resolve();
    await until(() => runs === 2);
    gates[1]!.resolve();
    await until(() => active === 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect([runs, most]).toEqual([2, 1]);
  });

  it('survives a failing job, and retries after the interval', async () => {
    const errors: unknown[] = [];
    const failure = new Error('away');
    let runs = 0;
    const job = (): Promise<boolean> => (++runs < 3 ? Promise.reject(failure) : Promise.resolve(false));
    open(job, 5, (error) => errors.push(error)).start();
    await until(() => runs >= 3);
    expect(errors).toEqual([failure, failure]);
  });

  it('waits on stop for a run in progress, and begins none afterwards', async () => {
    const gate = new Deferred();
    let [begun, done] = [0, 0];
    const poller = open(async () => {
      begun++;
      await gate.promise;
      done++;
      return true;
    }, 1);
    poller.start();
    const stopped = poller.stop();
    poller.wake();
    gate.resolve();
    await stopped;
    poller.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect([begun, done]).toEqual([1, 1]);
  });

  it('does nothing before it is started', () => {
    let runs = 0;
    open(async () => ++runs < 0).wake();
    expect(runs).toBe(0);
  });

  it('runs outside the context of the request that woke it', async () => {
    const seen: unknown[] = [];
    const poller = open(async () => seen.push(currentRequest()) < 0);
    const actor = { keyId: 'key_b', ip: null, userAgent: null, requestId: 'req_b' };
    poller.start();
    await until(() => seen.length === 1);
    await until(() => {
      runInRequest({ requestId: 'req_b', actor }, () => poller.wake());
      return seen.length > 1;
    });
    expect(seen.filter((request) => request !== null)).toEqual([]);
  });
});
