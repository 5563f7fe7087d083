import { runInRequest, Unavailable } from '@app/kernel';
import { InMemoryEventLog } from '@app/kernel/testing';
import { LoggedReads } from './logged-reads.js';

describe('LoggedReads', () => {
  const log = new InMemoryEventLog();
  const read = (reads: LoggedReads, keyId: string): Promise<void> => {
    const actor = { keyId, ip: null, userAgent: null, requestId: keyId, traceId: null };
    return runInRequest({ requestId: keyId, actor }, () =>
      reads.record({ type: 'output.read', projectId: 'web', target: 'cmd_1', data: { form: 'raw' } }),
    );
  };
  afterEach(() => jest.restoreAllMocks());

  it('records nothing unless it is enabled', async () => {
    await read(new LoggedReads(log, false), 'key_0');
    expect(log.all).toEqual([]);
  });

  it('records each read with its own actor, and many of them together', async () => {
    const add = jest.spyOn(log, 'add');
    const reads = new LoggedReads(log, true);
    await Promise.all(Array.from({ length: 100 }, (_, i) => read(reads, `key_${String(i)}`)));
    await read(reads, 'key_100');
    expect(log.all.map(({ actor }) => actor.keyId)).toEqual(Array.from({ length: 101 }, (_, i) => `key_${String(i)}`));
    expect(log.all[0]).toMatchObject({ type: 'output.read', outcome: 'allowed', target: 'cmd_1', projectId: 'web' });
    expect(add).toHaveBeenCalledTimes(2);
  });

  it('fails all reads that cannot be recorded, and no later ones', async () => {
    const reads = new LoggedReads(log, true);
    jest.spyOn(log, 'add').mockRejectedValueOnce(new Unavailable('no'));
    const results = await Promise.allSettled([read(reads, 'key_1'), read(reads, 'key_2')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await read(reads, 'key_3');
    expect(log.all.at(-1)!.actor.keyId).toBe('key_3');
  });
});
