import { FakeClock, InMemoryEventLog, InMemoryIdempotency, InMemoryTransactor } from '@app/kernel/testing';
import { runInRequest } from '@app/kernel';
import { Refusals } from './refusals.js';

describe('Refusals', () => {
  let clock: FakeClock;
  let transactor: InMemoryTransactor;
  let events: InMemoryEventLog;
  let refusals: Refusals;

  beforeEach(() => {
    clock = new FakeClock();
    transactor = new InMemoryTransactor();
    events = new InMemoryEventLog(transactor);
    refusals = new Refusals(new InMemoryIdempotency(transactor), events, clock);
  });
  afterEach(() => jest.restoreAllMocks());

  const refuse = (
    ip: string,
    { keyId = null as string | null, code = 'UNAUTHENTICATED', status = 401, path = '/v1/x' } = {},
  ) => {
    const actor = { keyId, ip, userAgent: 'curl', requestId: 'req_1', traceId: null };
    runInRequest({ requestId: 'req_1', actor }, () => refusals.note({ status, code, method: 'GET', path }));
  };
  const attempts = (): number[] => events.all.map(({ data }) => data.attempts as number);
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

  it('records the first of each caller and reason immediately, and the number of the others after a minute', async () => {
    for (let attempt = 0; attempt < 1_000; attempt++) refuse('192.0.2.1');
    refuse('192.0.2.2');
    refuse('192.0.2.2', { keyId: 'key_1', code: 'INSUFFICIENT_SCOPE', status: 403 });
    refuse('192.0.2.2', { keyId: 'key_1', code: 'RATE_LIMITED', status: 429 });
    await refusals.record();
    const first = { outcome: 'denied', data: { method: 'GET', path: '/v1/x', attempts: 1 } };
    expect(events.all).toMatchObject([
      {
        ...first,
        type: 'auth.denied',
        target: '192.0.2.1',
        actor: { ip: '192.0.2.1', userAgent: 'curl', requestId: 'req_1' },
        data: { code: 'UNAUTHENTICATED' },
      },
      { ...first, type: 'auth.denied', target: '192.0.2.2' },
      {
        ...first,
        type: 'auth.denied',
        target: 'key_1',
        actor: { keyId: 'key_1' },
        data: { code: 'INSUFFICIENT_SCOPE' },
      },
      { ...first, type: 'request.limited', target: 'key_1', actor: { keyId: 'key_1' }, data: { code: 'RATE_LIMITED' } },
    ]);
    clock.advance(59_000);
    refuse('192.0.2.2');
    await refusals.record();
    expect(events.all).toHaveLength(4);
    clock.advance(1_000);
    await refusals.record();
    expect(events.all.slice(4)).toMatchObject([
      {
        type: 'auth.denied',
        target: '192.0.2.1',
        data: { attempts: 999, since: expect.any(String), until: clock.now().toISOString() },
      },
      { type: 'auth.denied', target: '192.0.2.2', data: { attempts: 1 } },
    ]);
    refuse('192.0.2.1');
    await refusals.record();
    expect(events.all).toHaveLength(7);
  });

  it('counts the addresses of one IPv6 client together', async () => {
    for (let one = 0; one < 1_000; one++) refuse(`2001:db8::${one.toString(16)}`);
    clock.advance(60_000);
    await refusals.record();
    expect(attempts()).toEqual([1, 999]);
  });

  it('bounds memory and the log, for many addresses and for long paths', async () => {
    for (let one = 0; one < 10_000; one++) refuse(`10.0.${one >> 8}.${one & 255}`, { path: `/${'x'.repeat(5_000)}` });
    clock.advance(60_000);
    await refusals.record();
    expect(events.all.length).toBeLessThanOrEqual(102);
    expect(sum(attempts())).toBe(10_000);
    expect(events.all.at(-1)).toMatchObject({ target: 'others', data: { code: null, attempts: 9_949 } });
    expect(JSON.stringify(events.all).length).toBeLessThan(50_000);
  });

  it.each([
    ['a key', '/v1/keys/rdev_Xi2GP9oR_1s1APERi9pSOGTbXATtv7rcLVltCMatL1ILO47/x', '/v1/keys/***/x'],
    [
      'a part of one',
      `/${'x'.repeat(180)}/rdev_Xi2GP9oR_1s1APERi9pSOGTbXATtv7rcLVltCMatL1ILO47`,
      `/${'x'.repeat(180)}/***`,
    ],
    ['a ticket', '/v1/rdevt_0123456789-_abcdef', '/v1/***'],
    ['a secret of a webhook', '/whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '/***'],
  ])('records no secret in a path: %s', async (_what, path, recorded) => {
    refuse('192.0.2.1', { path });
    await refusals.record();
    expect(events.all[0]?.data).toMatchObject({ path: recorded });
  });

  it('leaves out refused commands, which have their own event', async () => {
    refuse('192.0.2.1', { code: 'COMMAND_REJECTED', status: 403 });
    await refusals.record();
    expect(events.all).toEqual([]);
  });

  it('records the rest of the minute at shutdown', async () => {
    for (let attempt = 0; attempt < 3; attempt++) refuse('192.0.2.1');
    await refusals.beforeApplicationShutdown();
    expect(attempts()).toEqual([1, 2]);
  });

  it('tries again what could not be recorded, and stays bounded meanwhile', async () => {
    jest.spyOn(events, 'add').mockRejectedValue(new Error('away'));
    for (let round = 0; round < 50; round++) {
      for (let one = 0; one < 30; one++) refuse(`10.0.${round}.${one}`);
      clock.advance(60_000);
      await expect(refusals.record()).rejects.toThrow('away');
    }
    jest.restoreAllMocks();
    await refusals.record();
    clock.advance(60_000);
    await refusals.record();
    expect(sum(attempts())).toBe(1_500);
    expect(events.all.length).toBeLessThanOrEqual(204);
  });
});
