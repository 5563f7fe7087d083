import { InMemoryApiKeyRepository, aGrant, aKey } from '@app/apikeys/testing';
import { type Caller, NotFound, newId, runInRequest } from '@app/kernel';
import {
  FakeClock,
  InMemoryEventLog,
  InMemoryIdempotency,
  InMemoryNotifier,
  InMemoryTransactor,
  aCaller,
} from '@app/kernel/testing';
import { type ApiKey, callerOf, grantOf } from '../domain/api-key.js';
import { KeyExpired, KeyNotUsable, KeyRevoked, RightsExceeded } from '../domain/api-key.errors.js';
import { hashSecret, parseSecret } from '../domain/key-format.js';
import { ApiKeysService } from './api-keys.service.js';
import { KEY_CHANGED } from './key-cache.js';

const GRANT = aGrant({ scopes: ['commands:read'] });

describe('ApiKeysService', () => {
  let keys: InMemoryApiKeyRepository;
  let events: InMemoryEventLog;
  let service: ApiKeysService;
  let admin: Caller;
  let announced: string[];
  const clock = new FakeClock();

  beforeEach(async () => {
    const transactor = new InMemoryTransactor();
    const notifier = new InMemoryNotifier(transactor);
    announced = [];
    notifier.subscribe(KEY_CHANGED, (prefix) => announced.push(prefix));
    keys = new InMemoryApiKeyRepository(transactor);
    events = new InMemoryEventLog(transactor);
    const idempotency = new InMemoryIdempotency(transactor);
    service = new ApiKeysService(keys, transactor, idempotency, events, notifier, clock, 10);
    admin = await insert(aKey());
  });

  const insert = async (key: ApiKey): Promise<Caller> => {
    await keys.insert(key);
    return callerOf(key);
  };
  const all = async (): Promise<readonly ApiKey[]> => (await keys.list({ limit: 200 }, null)).data;

  it('creates a working key, and stores only its hash', async () => {
    const { key, secret } = await service.create(GRANT, admin);
    expect(key).toMatchObject({ ...GRANT, createdBy: admin.keyId });
    expect((await keys.findById(key.id))!.hash).toEqual(hashSecret(parseSecret(secret!)!));
    expect(JSON.stringify(key)).not.toContain(secret);
    expect(events.types).toEqual(['key.created']);
    expect(JSON.stringify(events.all)).not.toContain(secret);
  });

  it('refuses a key with more rights than its creator, and records nothing', async () => {
    const weak = await insert(aKey({ scopes: ['keys:write'] }));
    await expect(service.create(GRANT, weak)).rejects.toThrow(RightsExceeded);
    expect(events.types).toEqual([]);
    expect(await all()).toHaveLength(2);
  });

  it('refuses a caller whose key was revoked, expired or restricted a moment ago', async () => {
    const revoked = aKey();
    const caller = await insert(revoked);
    await keys.revoke(revoked.id);
    await expect(service.create(GRANT, caller)).rejects.toThrow(KeyRevoked);
    const expired = await insert(aKey({ expiresAt: clock.now() }));
    await expect(service.create(GRANT, expired)).rejects.toThrow(KeyExpired);
    const reduced = aKey();
    const before = await insert(reduced);
    await keys.update({ ...reduced, scopes: ['keys:write'] });
    for (const attempt of [
      service.create(GRANT, before),
      service.patch(admin.keyId, { name: 'x' }, before),
      service.rotate(admin.keyId, 0, before),
      service.revoke(admin.keyId, before),
    ])
      await expect(attempt).rejects.toThrow(RightsExceeded);
  });

  it('returns no key that was not stored', async () => {
    keys.insert = () => Promise.resolve(false);
    await expect(service.create(GRANT, admin)).rejects.toThrow();
    expect(events.types).toEqual([]);
  });

  it('stores no key if its event cannot be written', async () => {
    events.add = () => Promise.reject(new Error('disk full'));
    await expect(service.create(GRANT, admin)).rejects.toThrow('disk full');
    expect(await all()).toHaveLength(1);
  });

  describe('patch', () => {
    it('changes a key, notifies all replicas, and records the changes', async () => {
      const { key } = await service.create(GRANT, admin);
      const patched = await service.patch(key.id, { projects: ['web'], name: 'web' }, admin);
      expect(patched).toEqual({ ...key, projects: ['web'], name: 'web' });
      expect(await keys.findById(key.id)).toEqual(patched);
      expect(announced).toEqual([key.prefix]);
      const { type, data } = events.all.at(-1)!;
      expect([type, data.changes]).toEqual(['key.updated', { projects: ['web'], name: 'web' }]);
    });

    it('records nothing if nothing changes', async () => {
      const { key } = await service.create(GRANT, admin);
      expect(await service.patch(key.id, { name: key.name, scopes: [...key.scopes] }, admin)).toEqual(key);
      expect(events.types).toEqual(['key.created']);
    });

    it('refuses to change a key with more rights, even to restrict it', async () => {
      const weak = await insert(aKey({ scopes: ['keys:write'] }));
      await expect(service.patch(admin.keyId, { scopes: [] }, weak)).rejects.toThrow(RightsExceeded);
      const { key } = await service.create(aGrant({ scopes: ['keys:write'] }), weak);
      await expect(service.patch(key.id, { scopes: ['commands:read'] }, weak)).rejects.toThrow(RightsExceeded);
      await expect(service.patch(weak.keyId, { scopes: ['keys:write', 'keys:read'] }, weak)).rejects.toThrow(
        RightsExceeded,
      );
      expect(await service.patch(weak.keyId, { scopes: [] }, weak)).toMatchObject({ scopes: [] });
    });

    it('does not restore a revoked key', async () => {
      const { key } = await service.create(GRANT, admin);
      await service.revoke(key.id, admin);
      await expect(service.patch(key.id, { name: 'x' }, admin)).rejects.toThrow(KeyNotUsable);
    });
  });

  describe('rotate', () => {
    it('issues a successor with the same rights, while the old key works for the overlap', async () => {
      const { key } = await service.create({ ...GRANT, projects: ['web'], rateLimitRps: 3 }, admin);
      const { key: successor, secret } = await service.rotate(key.id, 60, admin);
      expect(grantOf(successor)).toEqual(grantOf(key));
      expect(successor).toMatchObject({ rotatedFrom: key.id, createdBy: admin.keyId, revokedAt: null });
      expect((await keys.findById(successor.id))!.hash).toEqual(hashSecret(parseSecret(secret!)!));
      const expiresAt = new Date(clock.now().getTime() + 60_000);
      expect(await keys.findById(key.id)).toEqual({ ...key, expiresAt });
      expect(announced).toEqual([key.prefix]);
      expect(events.types).toEqual(['key.created', 'key.created', 'key.rotated']);
      expect(events.all.at(-1)).toMatchObject({ target: key.id, data: { successor: successor.id } });
    });

    it('extends neither key beyond the original expiry', async () => {
      const expiresAt = new Date(clock.now().getTime() + 1_000);
      const { key } = await service.create({ ...GRANT, expiresAt }, admin);
      const { key: successor } = await service.rotate(key.id, 60, admin);
      expect([successor.expiresAt, (await keys.findById(key.id))!.expiresAt]).toEqual([expiresAt, expiresAt]);
    });

    it('allows the key itself, but neither keys with more rights nor revoked or expired ones', async () => {
      const weak = await insert(aKey({ scopes: ['keys:write'], rateLimitRps: 4 }));
      expect((await service.rotate(weak.keyId, 60, weak)).key).toMatchObject({
        scopes: ['keys:write'],
        rateLimitRps: 4,
      });
      await expect(service.rotate(admin.keyId, 0, weak)).rejects.toThrow(RightsExceeded);
      const { key } = await service.create(GRANT, admin);
      await service.rotate(key.id, 0, admin);
      await expect(service.rotate(key.id, 0, admin)).rejects.toThrow(KeyNotUsable);
      await service.revoke(key.id, admin);
      await expect(service.rotate(key.id, 0, admin)).rejects.toThrow(KeyNotUsable);
    });
  });

  describe('a key limited to projects', () => {
    it('sees, changes and revokes only keys within the same projects', async () => {
      const team = await insert(aKey({ projects: ['team-a-*'] }));
      const { key: within } = await service.create({ ...GRANT, projects: ['team-a-1'] }, admin);
      const { key: outside } = await service.create({ ...GRANT, projects: ['team-a-1', 'team-b'] }, admin);
      const seen = (await service.list({ limit: 200 }, team)).data.map(({ id }) => id);
      expect(seen.sort()).toEqual([team.keyId, within.id].sort());
      expect((await service.get(within.id, team)).id).toBe(within.id);
      for (const id of [outside.id, admin.keyId, newId('key')]) {
        for (const attempt of [
          service.get(id, team),
          service.patch(id, {}, team),
          service.rotate(id, 0, team),
          service.revoke(id, team),
        ])
          await expect(attempt).rejects.toThrow(NotFound);
      }
      await service.revoke(within.id, team);
    });
  });

  it('revokes idempotently', async () => {
    const { key } = await service.create(GRANT, admin);
    await service.revoke(key.id, admin);
    const { revokedAt } = await service.get(key.id, admin);
    await service.revoke(key.id, admin);
    expect((await service.get(key.id, admin)).revokedAt).toEqual(revokedAt);
    expect(events.types).toEqual(['key.created', 'key.revoked']);
    expect(announced).toEqual([key.prefix]);
    await expect(service.revoke(newId('key'), admin)).rejects.toThrow(NotFound);
  });

  it('lets a key revoke itself, but none with more rights', async () => {
    const weak = await insert(aKey({ scopes: ['keys:write'] }));
    await expect(service.revoke(admin.keyId, weak)).rejects.toThrow(RightsExceeded);
    await service.revoke(weak.keyId, weak);
    await expect(service.revoke(weak.keyId, weak)).rejects.toThrow(KeyRevoked);
    await expect(service.create(GRANT, aCaller())).rejects.toThrow('Send a key');
  });

  describe('the last administrator key', () => {
    const refused = { code: 'LAST_ADMIN_KEY' };

    it('cannot be revoked, lose the scope, be limited to projects or made to expire', async () => {
      const id = admin.keyId;
      await insert(aKey({ projects: ['web'] }));
      await insert(aKey({ scopes: ['keys:write'] }));
      await insert(aKey({ expiresAt: new Date(clock.now().getTime() + 1_000) }));
      await insert(aKey({ expiresAt: new Date(0) }));
      await insert(aKey({ allowedIps: [] }));
      await expect(service.revoke(id, admin)).rejects.toMatchObject(refused);
      for (const patch of [{ scopes: [] }, { projects: ['*'] }, { expiresAt: new Date('2999-01-01T00:00:00Z') }])
        await expect(service.patch(id, patch, admin)).rejects.toMatchObject(refused);
      expect(events.types).toEqual([]);
      expect((await service.patch(id, { name: 'root' }, admin)).name).toBe('root');
    });

    it('cannot exclude the current address, but can be limited to it', async () => {
      const from = (ip: string | null, allowedIps: string[]) => {
        const actor = { keyId: admin.keyId, ip, userAgent: null, requestId: 'r' };
        return runInRequest({ requestId: 'r', actor }, () => service.patch(admin.keyId, { allowedIps }, admin));
      };
      await expect(from('10.0.0.1', [])).rejects.toMatchObject(refused);
      await expect(from('10.0.0.1', ['192.0.2.0/24'])).rejects.toMatchObject(refused);
      await expect(from(null, ['10.0.0.0/8'])).rejects.toMatchObject(refused);
      expect(await from('10.0.0.1', ['10.0.0.0/8'])).toMatchObject({ allowedIps: ['10.0.0.0/8'] });
      expect(await service.patch(admin.keyId, { name: 'root' }, admin)).toMatchObject({ name: 'root' });
      await insert(aKey());
      expect(await from('10.0.0.1', [])).toMatchObject({ allowedIps: [] });
    });

    it('can be revoked once there is another one, also from a rotation', async () => {
      const { key: successor } = await service.rotate(admin.keyId, 0, admin);
      await expect(service.revoke(successor.id, callerOf(successor))).rejects.toMatchObject(refused);
      const { key: other } = await service.create({ ...GRANT, scopes: ['admin'] }, callerOf(successor));
      await service.revoke(successor.id, callerOf(other));
      await service.revoke(successor.id, callerOf(other));
    });

    it('can be revoked if it expires only if there is another one now', async () => {
      const expiring = await insert(aKey({ expiresAt: new Date('2999-01-01T00:00:00Z') }));
      await keys.revoke(admin.keyId);
      await expect(service.revoke(expiring.keyId, expiring)).rejects.toMatchObject(refused);
      const other = await insert(aKey({ expiresAt: new Date('2999-01-01T00:00:00Z') }));
      await service.revoke(expiring.keyId, other);
    });
  });
});
