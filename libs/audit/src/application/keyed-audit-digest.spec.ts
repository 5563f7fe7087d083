import { createHmac, createPrivateKey, hkdfSync } from 'node:crypto';
import { AuditKey } from '../domain/audit-key.js';
import { AuditKeys } from './audit-keys.js';
import { KeyedAuditDigest } from './keyed-audit-digest.js';

const digestOf = async (key: string | null): Promise<KeyedAuditDigest> =>
  new KeyedAuditDigest(await AuditKeys.load({ key, formerKey: null, keyFile: null }));

describe('KeyedAuditDigest', () => {
  it('is an HMAC with a key that HKDF derives from the key of the log', async () => {
    const pem = AuditKey.generate();
    const seed = Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d ?? '', 'base64url');
    const key = Buffer.from(hkdfSync('sha256', seed, '', 'rdev audit digest 1', 32));
    expect((await digestOf(pem)).digest('text')).toEqual({
      keyId: AuditKey.read(pem).id,
      value: createHmac('sha256', key).update('text').digest('hex'),
    });
  });

  it('differs with the key and the text, and is absent without a key', async () => {
    const [one, other] = [await digestOf(AuditKey.generate()), await digestOf(AuditKey.generate())];
    expect(one.digest('a')).toEqual(one.digest('a'));
    expect(new Set([one.digest('a'), one.digest('b'), other.digest('a')].map((each) => each?.value)).size).toBe(3);
    expect((await digestOf(null)).digest('a')).toBeNull();
  });
});

describe('AuditKeys', () => {
  it.each(['', 'nonsense', '-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n'])(
    'refuse %j, without repeating it',
    async (key) => {
      const load = AuditKeys.load({ key, formerKey: null, keyFile: null });
      await expect(load).rejects.toThrow('RDEV_AUDIT_KEY must be an Ed25519 private key in PEM');
    },
  );
});
