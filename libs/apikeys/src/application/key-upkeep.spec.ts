import { InMemoryApiKeyRepository, InMemoryTicketRepository, aKey } from '@app/apikeys/testing';
import { InMemoryEventLog, InMemoryTransactor, FakeClock } from '@app/kernel/testing';
import { KeyUpkeep } from './key-upkeep.js';

describe('KeyUpkeep', () => {
  const transactor = new InMemoryTransactor();
  const keys = new InMemoryApiKeyRepository(transactor);
  const events = new InMemoryEventLog(transactor);
  const upkeep = new KeyUpkeep(keys, new InMemoryTicketRepository(new FakeClock()), transactor, events);

  it('announces an expiry once, and retries if that could not be recorded', async () => {
    const due = aKey({ expiresAt: new Date(Date.now() + 1_000), warnAt: new Date(0) });
    for (const key of [due, aKey(), aKey({ warnAt: new Date('2999-01-01T00:00:00Z') })]) await keys.insert(key);
    const add = jest.spyOn(events, 'add').mockRejectedValueOnce(new Error('disk full'));
    await expect(upkeep.run()).rejects.toThrow('disk full');
    add.mockRestore();
    for (let round = 0; round < 3; round++) expect(await upkeep.run()).toBe(false);
    expect(events.all).toMatchObject([
      { type: 'key.expiring', target: due.id, data: { name: due.name, expiresAt: due.expiresAt } },
    ]);
  });
});
