import { Waiter } from './waiter.js';

const FAR_MS = 3_600_000;
const never = new AbortController().signal;

describe('Waiter', () => {
  it('waits until it is raised', async () => {
    const waiter = new Waiter();
    const waiting = waiter.wait(FAR_MS, never);
    waiter.raise();
    await waiting;
  });

  it('misses no hint between two waits', async () => {
    const waiter = new Waiter();
    waiter.raise();
    waiter.raise();
    await waiter.wait(FAR_MS, never);
    const second = waiter.wait(FAR_MS, never);
    waiter.raise();
    await second;
  });

  it('clears the flag: one hint ends one wait', async () => {
    const waiter = new Waiter();
    waiter.raise();
    await waiter.wait(FAR_MS, never);
    let done = false;
    const abort = new AbortController();
    const second = waiter.wait(FAR_MS, abort.signal).then(() => (done = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    abort.abort();
    await second;
  });

  it('waits no longer than the timeout', async () => {
    await new Waiter().wait(1, never);
  });

  it('does not wait once it is aborted', async () => {
    await new Waiter().wait(FAR_MS, AbortSignal.abort());
  });

  it('leaves no listener on the signal', async () => {
    const abort = new AbortController();
    let listening = 0;
    const { signal } = abort;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listening++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listening--;
      remove(...args);
    };
    const waiter = new Waiter();
    for (let i = 0; i < 20; i++) await waiter.wait(0, signal);
    expect(listening).toBe(0);
  });
});
