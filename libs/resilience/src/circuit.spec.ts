import { Backoff } from './backoff.js';
import { Circuit, CircuitOpen } from './circuit.js';

class Down extends Error {}

describe('Circuit', () => {
  let circuit: Circuit;
  let probes: number;
  let onProbe: () => Promise<unknown>;
  const options = () => ({
    failuresMax: 3,
    isFailure: (error: unknown) => error instanceof Down,
    probe: () => {
      probes++;
      return onProbe();
    },
    backoff: new Backoff(1_000, 4_000, 1),
  });
  const fail = (error: Error = new Down('no answer')) =>
    expect(circuit.run(() => Promise.reject(error))).rejects.toBe(error);
  const open = async () => {
    for (let i = 0; i < 3; i++) await fail();
  };

  beforeEach(() => {
    jest.useFakeTimers();
    probes = 0;
    onProbe = () => Promise.reject(new Down('still'));
    circuit = new Circuit(options());
  });
  afterEach(() => {
    circuit.stop();
    jest.useRealTimers();
  });

  it('opens after failures in a row, and then refuses work without trying it', async () => {
    await fail();
    await fail();
    await circuit.run(() => Promise.resolve());
    await open();
    expect(circuit.state).toBe('open');
    expect(circuit.openSince).toEqual(new Date());
    const work = jest.fn();
    const refused = await circuit.run(work).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CircuitOpen);
    expect(refused).toMatchObject({ retryAfterMs: 1_000, cause: new Down('no answer') });
    expect(work).not.toHaveBeenCalled();
  });

  it('does not count errors that are no failures, neither as a failure nor as a success', async () => {
    for (let i = 0; i < 9; i++) await fail(new Error('404'));
    expect(circuit.state).toBe('closed');
    await fail();
    await fail();
    await fail(new Error('cancelled by its caller'));
    await fail();
    expect(circuit.state).toBe('open');
  });

  it('probes once at a time, ever more rarely, and closes when a probe succeeds', async () => {
    await open();
    for (const [ms, count] of [
      [999, 0],
      [1, 1],
      [1_999, 1],
      [1, 2],
      [4_000, 3],
      [4_000, 4],
    ] as const) {
      await jest.advanceTimersByTimeAsync(ms);
      expect(probes).toBe(count);
      expect(circuit.state).toBe('open');
    }
    const { promise, resolve } = Promise.withResolvers<undefined>();
    onProbe = () => promise;
    await jest.advanceTimersByTimeAsync(60_000);
    expect([circuit.state, probes]).toEqual(['half_open', 5]);
    // Work neither waits for the probe nor joins it.
    await expect(circuit.run(() => Promise.resolve())).rejects.toBeInstanceOf(CircuitOpen);
    resolve(undefined);
    await jest.advanceTimersByTimeAsync(0);
    expect([circuit.state, circuit.openSince]).toEqual(['closed', null]);
    expect(await circuit.run(() => Promise.resolve('done'))).toBe('done');
  });

  it('closes when a probe is answered, whatever the answer', async () => {
    await open();
    onProbe = () => Promise.reject(new Error('403'));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(circuit.state).toBe('closed');
  });

  it('stays open when work that began earlier succeeds', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const early = circuit.run(() => promise);
    await open();
    resolve('late');
    expect(await early).toBe('late');
    expect(circuit.state).toBe('open');
  });

  it.each([-3_600_000, 3_600_000])('probes in time if the clock is set by %i ms', async (ms) => {
    await open();
    onProbe = () => Promise.resolve();
    jest.setSystemTime(Date.now() + ms);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(circuit.state).toBe('closed');
  });

  it('begins with the shortest pause in each outage, and probes no more once it is stopped', async () => {
    await open();
    await jest.advanceTimersByTimeAsync(1_000);
    onProbe = () => Promise.resolve();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(circuit.state).toBe('closed');
    await open();
    await expect(circuit.run(() => Promise.resolve())).rejects.toMatchObject({ retryAfterMs: 1_000 });
    circuit.stop();
    const before = probes;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(probes).toBe(before);
  });
});
