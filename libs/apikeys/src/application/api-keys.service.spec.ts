import { InMemoryApiKeyRepository, aGrant, aKey } from '@app/apikeys/testing';
import { type Caller, NotFound, newId } from '@app/kernel';
import { FakeClock, InMemoryEventLog, InMemoryIdempotency, InMemoryTransactor, aCaller } from '@app/kernel/testing';
import type { ApiKey } from '../domain/api-key.js';
import { KeyTooMighty } from '../domain/api-key.errors.js';
import { hashSecret, parseSecret } from '../domain/key-format.js';
import { ApiKeysService } from './api-keys.service.js';

const GRANT = aGrant({ scopes: ['commands:read'] });

describe('ApiKeysService', () => {
  let keys: InMemoryApiKeyRepository;
  let events: InMemoryEventLog;
  let service: ApiKeysService;
  let admin: Caller;

  beforeEach(async () => {
    const transactor = new InMemoryTransactor();
    keys = new InMemoryApiKeyRepository(transactor);
    events = new InMemoryEventLog(transactor);
    service = new ApiKeysService(keys, transactor, new InMemoryIdempotency(transactor), events, new FakeClock());
    admin = await callerOf(aKey());
  });

  const callerOf = async (key: ApiKey): Promise<Caller> => {
    await keys.insert(key);
    return aCaller({ keyId: key.id, scopes: key.scopes, projects: key.projects });
  };

  it('makes a key that works, and keeps only its hash', async () => {
    const { key, secret } = await service.create(GRANT, admin);
    expect(key).toMatchObject({ ...GRANT, createdBy: admin.keyId });
    expect((await keys.findById(key.id))!.hash).toEqual(hashSecret(parseSecret(secret!)!));
    expect(JSON.stringify(key)).not.toContain(secret);
    expect(events.types).toEqual(['key.created']);
    expect(JSON.stringify(events.all)).not.toContain(secret);
  });

  it('makes no key that is mightier than the one that asks, and records nothing', async () => {
    const weak = await callerOf(aKey({ scopes: ['keys:write'] }));
    await expect(service.create(GRANT, weak)).rejects.toThrow(KeyTooMighty);
    expect(events.types).toEqual([]);
    expect((await keys.list({ limit: 200 })).data).toHaveLength(2);
  });

  it('hands out no key that it did not keep', async () => {
    keys.insert = () => Promise.resolve(false);
    await expect(service.create(GRANT, admin)).rejects.toThrow();
    expect(events.types).toEqual([]);
  });

  it('keeps no key whose event cannot be written', async () => {
    events.add = () => Promise.reject(new Error('disk full'));
    await expect(service.create(GRANT, admin)).rejects.toThrow('disk full');
    expect((await keys.list({ limit: 200 })).data).toHaveLength(1);
  });

  it('revokes twice as once', async () => {
    const { key } = await service.create(GRANT, admin);
    await service.revoke(key.id);
    const { revokedAt } = await service.get(key.id);
    await service.revoke(key.id);
    expect((await service.get(key.id)).revokedAt).toEqual(revokedAt);
    expect(events.types).toEqual(['key.created', 'key.revoked']);
    await expect(service.revoke(newId('key'))).rejects.toThrow(NotFound);
  });
});
