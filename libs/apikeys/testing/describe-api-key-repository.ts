import { InvalidCursor, newId } from '@app/kernel';
import type { ApiKeyRepository } from '../src/application/api-key.repository.js';
import type { ApiKey } from '../src/domain/api-key.js';
import { newSecret } from '../src/domain/key-format.js';
import { aKey } from './a-key.js';

export interface ApiKeyRepositoryHarness {
  readonly keys: ApiKeyRepository;
  close(): Promise<void>;
}

export function describeApiKeyRepository(name: string, open: () => Promise<ApiKeyRepositoryHarness>): void {
  describe(`ApiKeyRepository: ${name}`, () => {
    let harness: ApiKeyRepositoryHarness;
    let keys: ApiKeyRepository;
    beforeEach(async () => {
      harness = await open();
      ({ keys } = harness);
    });
    afterEach(() => harness.close());

    it('stores a key unchanged', async () => {
      const key = aKey({
        name: 'Ünï "x"',
        scopes: ['commands:read', 'keys:write'],
        projects: ['team-a-*', 'web'],
        allowedIps: ['10.0.0.0/8', '::1'],
        rateLimitRps: 0,
        maxConcurrentCommands: 3,
        createdBy: newId('key'),
        rotatedFrom: newId('key'),
        expiresAt: new Date('2030-01-02T03:04:05.678Z'),
        warnAt: new Date('2029-12-26T03:04:05.678Z'),
      });
      expect(await keys.insert(key)).toBe(true);
      expect(await keys.findById(key.id)).toEqual(key);
      expect(await keys.findByPrefix(key.prefix)).toEqual(key);
    });

    it('distinguishes an empty list from null', async () => {
      const none = aKey({ scopes: [], projects: [], allowedIps: [] });
      const all = aKey();
      await keys.insert(none);
      await keys.insert(all);
      expect(await keys.findById(none.id)).toEqual(none);
      expect(await keys.findById(all.id)).toMatchObject({ projects: null, allowedIps: null });
    });

    it('returns null for unknown keys, and matches prefixes exactly', async () => {
      const secret = newSecret();
      await keys.insert(aKey({}, { ...secret, prefix: 'AbCdEf12' }));
      expect(await keys.findById(newId('key'))).toBeNull();
      for (const prefix of ['abcdef12', 'AbCdEf1', 'AbCdEf1%', 'AbCdEf1_', '']) {
        expect(await keys.findByPrefix(prefix)).toBeNull();
      }
    });

    it('inserts nothing if the prefix exists', async () => {
      const key = aKey();
      await keys.insert(key);
      const other = aKey({ prefix: key.prefix });
      expect(await keys.insert(other)).toBe(false);
      expect(await keys.findById(other.id)).toBeNull();
      expect(await keys.findByPrefix(key.prefix)).toEqual(key);
    });

    it('inserts one of several concurrent keys with the same prefix', async () => {
      const { prefix } = newSecret();
      const all = await Promise.all(Array.from({ length: 5 }, () => keys.insert(aKey({ prefix }))));
      expect(all.filter(Boolean)).toHaveLength(1);
    });

    it('lists newest first, page by page', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) {
        const key = aKey();
        await keys.insert(key);
        ids.unshift(key.id);
      }
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await keys.list({ limit: 2, cursor }, null);
        seen.push(...page.data.map(({ id }) => id));
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(seen).toEqual(ids);
      await expect(keys.list({ limit: 2, cursor: 'x' }, null)).rejects.toThrow(InvalidCursor);
    });

    it.each<[string, readonly string[], string[]]>([
      ['the same', ['team-a-*', 'web'], ['same', 'web', 'within', 'none']],
      ['one', ['web'], ['web', 'none']],
      ['all', ['*'], ['same', 'web', 'within', 'other', 'none']],
      ['none', [], ['none']],
    ])('lists only keys within the projects of a caller: %s', async (_case, visible, expected) => {
      const projects: Record<string, string[] | null> = {
        same: ['team-a-*', 'web'],
        web: ['web'],
        within: ['team-a-b-*'],
        other: ['web', 'team-b'],
        none: [],
        everything: null,
      };
      const ids = new Map<string, string>();
      for (const [name, globs] of Object.entries(projects)) {
        const key = aKey({ name, projects: globs });
        ids.set(key.id, name);
        await keys.insert(key);
      }
      const seen = (await keys.list({ limit: 200 }, visible)).data.flatMap(({ id }) => ids.get(id) ?? []);
      expect(seen.sort()).toEqual([...expected].sort());
      const all = (await keys.list({ limit: 200 }, null)).data.flatMap(({ id }) => ids.get(id) ?? []);
      expect(all).toHaveLength(6);
    });

    it('updates only the grant of a key', async () => {
      const key = aKey({ warnAt: new Date('2030-01-01T00:00:00Z') });
      await keys.insert(key);
      const [locked] = await keys.lock([key.id, key.id, newId('key')]);
      expect(locked).toEqual(key);
      const changed = {
        ...key,
        name: 'other',
        scopes: ['queue:read' as const],
        projects: ['web'],
        allowedIps: [],
        expiresAt: new Date('2031-01-01T00:00:00Z'),
        rateLimitRps: 3,
        maxConcurrentCommands: 4,
        warnAt: null,
      };
      await keys.update({
        ...changed,
        prefix: 'ZZZZZZZZ',
        hash: Buffer.alloc(32),
        createdBy: 'x',
        revokedAt: new Date(),
      });
      expect(await keys.findById(key.id)).toEqual(changed);
    });

    it('returns each due expiry warning to one caller', async () => {
      const due = [aKey({ warnAt: new Date(0) }), aKey({ warnAt: new Date(1) }), aKey({ warnAt: new Date(2) })];
      const revoked = aKey({ warnAt: new Date(3) });
      for (const key of [...due, revoked, aKey({ warnAt: new Date('2999-01-01T00:00:00Z') }), aKey()])
        await keys.insert(key);
      await keys.revoke(revoked.id);
      const taken = [await keys.takeDueWarnings(2), ...(await Promise.all([1, 2].map(() => keys.takeDueWarnings(9))))];
      expect(
        taken
          .flat()
          .map(({ id }) => id)
          .sort(),
      ).toEqual(due.map(({ id }) => id).sort());
      expect(await keys.takeDueWarnings(9)).toEqual([]);
      expect((await keys.findById(due[0]!.id))!.warnAt).toBeNull();
    });

    it('counts the other administrator keys, current and permanent', async () => {
      const key = aKey();
      await keys.insert(key);
      const before = await keys.otherAdministrators(key.id);
      const [permanent, expiring] = [aKey(), aKey({ expiresAt: new Date('2999-01-01T00:00:00Z') })];
      const limits: Partial<ApiKey>[] = [
        { projects: ['*'] },
        { scopes: ['keys:write'] },
        { expiresAt: new Date(0) },
        { allowedIps: [] },
      ];
      for (const other of [permanent, expiring, ...limits.map((limit) => aKey(limit))]) await keys.insert(other);
      const after = { now: before.now + 2, permanent: before.permanent + 1 };
      expect(await keys.otherAdministrators(key.id)).toEqual(after);
      expect(await keys.otherAdministrators(newId('key'))).toEqual({
        now: after.now + 1,
        permanent: after.permanent + 1,
      });
      await keys.revoke(permanent.id);
      expect(await keys.otherAdministrators(key.id)).toEqual({ now: before.now + 1, permanent: before.permanent });
    });

    it('revokes once', async () => {
      const key = aKey();
      await keys.insert(key);
      const revoked = await keys.revoke(key.id);
      expect(revoked).toMatchObject({ ...key, revokedAt: expect.any(Date) });
      expect(await keys.revoke(key.id)).toBeNull();
      expect(await keys.revoke(newId('key'))).toBeNull();
      expect(await keys.findByPrefix(key.prefix)).toEqual(revoked);
    });

    it('lists the keys that no key created and that are not revoked', async () => {
      const [revoked, first, second] = [aKey(), aKey(), aKey()].map((key) => ({ ...key, createdBy: null }));
      for (const key of [revoked!, first!, second!, aKey({ createdBy: first!.id })]) await keys.insert(key);
      await keys.revoke(revoked!.id);
      const known = (await keys.listBootstrapKeys()).map(({ id }) => id);
      expect(known.filter((id) => [revoked, first, second].some((key) => key?.id === id))).toEqual([
        first!.id,
        second!.id,
      ]);
    });

    it('records a use, but not every one', async () => {
      const key = aKey();
      await keys.insert(key);
      await keys.touch(key.id);
      const { lastUsedAt } = (await keys.findById(key.id))!;
      expect(lastUsedAt).not.toBeNull();
      await keys.touch(key.id);
      expect((await keys.findById(key.id))!.lastUsedAt).toEqual(lastUsedAt);
      await keys.touch(newId('key'));
    });
  });
}
