import { InMemoryEventLog, InMemoryTransactor } from '@app/kernel/testing';
import { runInRequest } from '@app/kernel';
import { Denials } from './denials.js';

describe('Denials', () => {
  let events: InMemoryEventLog;
  let denials: Denials;

  beforeEach(() => {
    const transactor = new InMemoryTransactor();
    events = new InMemoryEventLog(transactor);
    denials = new Denials(transactor, events);
  });

  function refuse(ip: string, { keyId = null as string | null, code = 'UNAUTHENTICATED', path = '/v1/x' } = {}) {
    const actor = { keyId, ip, userAgent: 'curl', requestId: 'req_1' };
    runInRequest({ requestId: 'req_1', actor }, () => denials.note({ code, method: 'GET', path }));
  }

  it('records the first attempt of each caller and reason, and the number of attempts', async () => {
    for (let attempt = 0; attempt < 1_000; attempt++) refuse('192.0.2.1');
    refuse('192.0.2.2');
    refuse('192.0.2.2', { keyId: 'key_1', code: 'INSUFFICIENT_SCOPE' });
    await denials.record();
    expect(events.all).toMatchObject([
      {
        type: 'auth.denied',
        outcome: 'denied',
        target: '192.0.2.1',
        actor: { ip: '192.0.2.1', userAgent: 'curl', requestId: 'req_1' },
        data: { code: 'UNAUTHENTICATED', method: 'GET', path: '/v1/x', attempts: 1_000 },
      },
      { target: '192.0.2.2', data: { attempts: 1 } },
      { target: 'key_1', actor: { keyId: 'key_1' }, data: { code: 'INSUFFICIENT_SCOPE', attempts: 1 } },
    ]);
    await denials.record();
    expect(events.all).toHaveLength(3);
  });

  it('bounds the log, for many addresses and for long paths', async () => {
    for (let one = 0; one < 10_000; one++) refuse(`10.0.${one >> 8}.${one & 255}`, { path: `/${'x'.repeat(5_000)}` });
    for (let one = 0; one < 1_000; one++) refuse(`2001:db8::${one.toString(16)}`);
    await denials.record();
    expect(events.all).toHaveLength(21);
    const attempts = events.all.map(({ data }) => data.attempts as number);
    expect(attempts.reduce((sum, some) => sum + some)).toBe(11_000);
    expect(JSON.stringify(events.all).length).toBeLessThan(15_000);
  });

  it('ignores errors that are not about keys', async () => {
    refuse('192.0.2.1', { code: 'COMMAND_REJECTED' });
    await denials.record();
    expect(events.all).toEqual([]);
  });

  it('retries what could not be recorded, and stays bounded meanwhile', async () => {
    jest.spyOn(events, 'add').mockRejectedValue(new Error('away'));
    for (let round = 0; round < 50; round++) {
      for (let one = 0; one < 30; one++) refuse(`10.0.${round}.${one}`);
      await expect(denials.record()).rejects.toThrow('away');
    }
    jest.restoreAllMocks();
    await denials.record();
    expect(events.all).toHaveLength(21);
    expect(events.all.reduce((sum, { data }) => sum + (data.attempts as number), 0)).toBe(1_500);
  });
});
