import { InMemoryApiKeyRepository, aKey } from '@app/apikeys/testing';
import { FakeClock } from '@app/kernel/testing';
import type { ApiKey } from '../domain/api-key.js';
import { IpNotAllowed, KeyExpired, KeyRevoked, Unauthenticated } from '../domain/api-key.errors.js';
import { newSecret } from '../domain/key-format.js';
import { Authenticator } from './authenticator.js';

describe('Authenticator', () => {
  const keys = new InMemoryApiKeyRepository();
  const clock = new FakeClock();
  const authenticator = new Authenticator(keys, clock);

  const issue = async (traits: Partial<ApiKey> = {}): Promise<{ text: string; key: ApiKey }> => {
    const secret = newSecret();
    const key = aKey(traits, secret);
    await keys.insert(key);
    return { text: secret.text, key };
  };

  it('tells who calls', async () => {
    const { text, key } = await issue({ scopes: ['commands:read'], projects: ['web'], rateLimitRps: 7 });
    expect(await authenticator.authenticate(text, '192.0.2.1')).toEqual({
      keyId: key.id,
      scopes: ['commands:read'],
      projects: ['web'],
      rateLimitRps: 7,
    });
    expect((await keys.findById(key.id))!.lastUsedAt).not.toBeNull();
  });

  it.each([null, '', 'x', 'rdev_00000000_00000000000000000000000000000000000000', newSecret().text])(
    'refuses what is no key of ours (%#)',
    async (text) => {
      await expect(authenticator.authenticate(text, null)).rejects.toThrow(Unauthenticated);
    },
  );

  it('refuses a key that has the prefix of another', async () => {
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

  it('refuses an address that is not allowed, or not known', async () => {
    const { text } = await issue({ allowedIps: ['10.0.0.0/8'] });
    await authenticator.authenticate(text, '::ffff:10.0.0.1');
    for (const address of ['192.0.2.1', null, 'unknown'])
      await expect(authenticator.authenticate(text, address)).rejects.toThrow(IpNotAllowed);
    const { text: nowhere } = await issue({ allowedIps: [] });
    await expect(authenticator.authenticate(nowhere, '10.0.0.1')).rejects.toThrow(IpNotAllowed);
  });

  it('lets a key in whose use could not be noted', async () => {
    const failing = new InMemoryApiKeyRepository();
    failing.touch = () => Promise.reject(new Error('away'));
    const secret = newSecret();
    await failing.insert(aKey({}, secret));
    await new Authenticator(failing, clock).authenticate(secret.text, null);
  });

  it('lets nobody in while keys cannot be looked up', async () => {
    const failing = new InMemoryApiKeyRepository();
    failing.findByPrefix = () => Promise.reject(new Error('away'));
    await expect(new Authenticator(failing, clock).authenticate(newSecret().text, null)).rejects.toThrow('away');
  });
});
