import { Unauthenticated } from '@app/kernel';
import { InMemoryApiKeyRepository, aKey, anAuthenticator } from '@app/apikeys/testing';
import { Deferred, FakeClock, InMemoryNotifier } from '@app/kernel/testing';
import { type ApiKey, callerOf } from '../domain/api-key.js';
import { IpNotAllowed, KeyExpired, KeyRevoked } from '../domain/api-key.errors.js';
import { checksum, newSecret } from '../domain/key-format.js';
import { KEY_CHANGED } from './key-cache.js';

describe('Authenticator', () => {
  const keys = new InMemoryApiKeyRepository();
  const clock = new FakeClock();
  const authenticator = anAuthenticator(keys, clock);

  const issue = async (traits: Partial<ApiKey> = {}): Promise<{ text: string; key: ApiKey }> => {
    const secret = newSecret();
    const key = aKey(traits, secret);
    await keys.insert(key);
    return { text: secret.text, key };
  };

  /** The text of another key with the prefix. */
  const issueWithPrefix = (prefix: string): string => {
    const body = `rdev_${prefix}_${'0'.repeat(32)}`;
    return body + checksum(body);
  };

  it('returns the key', async () => {
    const { text, key } = await issue({ scopes: ['commands:read'], projects: ['web'], rateLimitRps: 7 });
    const found = await authenticator.authenticate(text, '192.0.2.1');
    expect(found).toEqual(key);
    expect(callerOf(found)).toEqual({ keyId: key.id, scopes: ['commands:read'], projects: ['web'], rateLimitRps: 7 });
    expect((await keys.findById(key.id))!.lastUsedAt).not.toBeNull();
  });

  it.each([null, '', 'x', 'rdev_00000000_00000000000000000000000000000000000000', newSecret().text])(
    'refuses anything but known keys (%#)',
    async (text) => {
      await expect(authenticator.authenticate(text, null)).rejects.toThrow(Unauthenticated);
    },
  );

  it('distinguishes missing, malformed and unknown keys, but not why a key is unknown', async () => {
    const { key } = await issue();
    const says = async (text: string | null): Promise<string> => {
      const error: unknown = await authenticator.authenticate(text, null).catch((thrown: unknown) => thrown);
      return (error as Error).message;
    };
    expect(await says(null)).toMatch(/^Send a key as/);
    const mistyped = `${newSecret().text.slice(0, -1)}!`;
    for (const text of ['', 'x', mistyped, `${newSecret().text}x`]) expect(await says(text)).toMatch(/is malformed/);
    const unknown = await says(newSecret().text);
    expect(unknown).toMatch(/not valid/);
    expect(await says(issueWithPrefix(key.prefix))).toBe(unknown);
  });

  it('refuses a key with the prefix of another key', async () => {
    const { key } = await issue();
    let forged = newSecret();
    const stolen = aKey({ prefix: forged.prefix, hash: key.hash });
    await keys.insert(stolen);
    await expect(authenticator.authenticate(forged.text, null)).rejects.toThrow(Unauthenticated);
    forged = newSecret();
    await expect(authenticator.authenticate(forged.text, null)).rejects.toThrow(Unauthenticated);
  });

  it('refuses a key from the moment of its expiry', async () => {
    const { text } = await issue({ expiresAt: new Date(clock.now().getTime() + 1_000) });
    clock.advance(999);
    await authenticator.authenticate(text, null);
    clock.advance(1);
    await expect(authenticator.authenticate(text, null)).rejects.toThrow(KeyExpired);
  });

  it('refuses a revoked key', async () => {
    const { text, key } = await issue();
    await keys.revoke(key.id);
    await expect(authenticator.authenticate(text, null)).rejects.toThrow(KeyRevoked);
  });

  it('refuses an address that is not allowed or unknown', async () => {
    const { text } = await issue({ allowedIps: ['10.0.0.0/8'] });
    await authenticator.authenticate(text, '::ffff:10.0.0.1');
    for (const address of ['192.0.2.1', null, 'unknown'])
      await expect(authenticator.authenticate(text, address)).rejects.toThrow(IpNotAllowed);
    const { text: nowhere } = await issue({ allowedIps: [] });
    await expect(authenticator.authenticate(nowhere, '10.0.0.1')).rejects.toThrow(IpNotAllowed);
  });

  it('records uses at most every 10 s', async () => {
    const { text } = await issue();
    const touch = jest.spyOn(keys, 'touch');
    for (let use = 0; use < 5; use++) await authenticator.authenticate(text, null);
    expect(touch).toHaveBeenCalledTimes(1);
    clock.advance(9_999);
    await authenticator.authenticate(text, null);
    expect(touch).toHaveBeenCalledTimes(1);
    clock.advance(1);
    await authenticator.authenticate(text, null);
    expect(touch).toHaveBeenCalledTimes(2);
    touch.mockRestore();
  });

  describe('with cached keys', () => {
    const notifier = new InMemoryNotifier();
    const here = notifier.another();
    const cached = anAuthenticator(keys, clock, here);
    const lookUps = jest.spyOn(keys, 'findByPrefix');
    beforeEach(() => lookUps.mockClear());
    afterAll(() => lookUps.mockRestore());

    it('looks a key up once, and still checks its expiry', async () => {
      const { text } = await issue({ expiresAt: new Date(clock.now().getTime() + 1_000) });
      for (let use = 0; use < 5; use++) await cached.authenticate(text, null);
      clock.advance(1_000);
      await expect(cached.authenticate(text, null)).rejects.toThrow(KeyExpired);
      expect(lookUps).toHaveBeenCalledTimes(1);
    });

    it('compares the whole key even if it is cached', async () => {
      const { text, key } = await issue();
      await cached.authenticate(text, null);
      const forged = issueWithPrefix(key.prefix);
      await expect(cached.authenticate(forged, null)).rejects.toThrow(Unauthenticated);
      await cached.authenticate(text, null);
      expect(lookUps).toHaveBeenCalledTimes(1);
    });

    it('drops a key that was changed', async () => {
      const { text, key } = await issue();
      await cached.authenticate(text, null);
      await keys.revoke(key.id);
      notifier.notify(KEY_CHANGED, key.prefix);
      await expect(cached.authenticate(text, null)).rejects.toThrow(KeyRevoked);
    });

    it('drops all keys if changes may have been missed', async () => {
      const { text, key } = await issue();
      await cached.authenticate(text, null);
      await keys.revoke(key.id);
      notifier.reset();
      await expect(cached.authenticate(text, null)).rejects.toThrow(KeyRevoked);
    });

    it('does not cache a key that was read before a change and arrives after it', async () => {
      const { text, key } = await issue();
      const stale = new Deferred();
      lookUps.mockImplementationOnce(async () => {
        await stale.promise;
        return key;
      });
      const reading = cached.authenticate(text, null);
      await keys.revoke(key.id);
      notifier.notify(KEY_CHANGED, key.prefix);
      stale.resolve();
      await reading;
      await expect(cached.authenticate(text, null)).rejects.toThrow(KeyRevoked);
    });

    it('does not cache unknown keys', async () => {
      const { text } = newSecret();
      for (let use = 0; use < 3; use++) await expect(cached.authenticate(text, null)).rejects.toThrow(Unauthenticated);
      expect(lookUps).toHaveBeenCalledTimes(3);
    });

    it('bounds the number of cached keys', async () => {
      const one = await issue();
      await cached.authenticate(one.text, null);
      lookUps.mockImplementation(async (prefix) => aKey({ prefix }));
      for (let i = 0; i < 10_000; i++) await cached.authenticate(newSecret().text, null).catch(() => undefined);
      lookUps.mockReset();
      await cached.authenticate(one.text, null).catch(() => undefined);
      expect(lookUps).toHaveBeenCalledTimes(1);
      lookUps.mockRestore();
    });

    it('ignores the cache while its connection is silently dead', async () => {
      const deaf = notifier.another();
      const late = anAuthenticator(keys, clock, deaf);
      const { text, key } = await issue();
      await late.authenticate(text, null);
      deaf.stall();
      await keys.revoke(key.id);
      notifier.notify(KEY_CHANGED, key.prefix);
      // The recent proof still counts.
      await late.authenticate(text, null);
      const now = performance.now();
      jest.spyOn(performance, 'now').mockReturnValue(now + 900);
      await expect(late.authenticate(text, null)).rejects.toThrow(KeyRevoked);
      jest.mocked(performance.now).mockRestore();
    });
  });

  it('accepts a key even if its use cannot be recorded', async () => {
    const failing = new InMemoryApiKeyRepository();
    failing.touch = () => Promise.reject(new Error('away'));
    const secret = newSecret();
    await failing.insert(aKey({}, secret));
    await anAuthenticator(failing, clock).authenticate(secret.text, null);
  });

  it('refuses all requests while keys cannot be looked up', async () => {
    const failing = new InMemoryApiKeyRepository();
    failing.findByPrefix = () => Promise.reject(new Error('away'));
    await expect(anAuthenticator(failing, clock).authenticate(newSecret().text, null)).rejects.toThrow('away');
  });
});
