import {
  type KeyObject,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hkdfSync,
  sign,
  verify,
} from 'node:crypto';

const ID_LENGTH = 16;

/** The first digits of the SHA-256 of a public key in DER. */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, ID_LENGTH);
}

/** @throws Error if the text is no Ed25519 public key in PEM */
export function readPublicKey(pem: string): KeyObject {
  return assertEd25519(createPublicKey(pem));
}

export function isSignatureOf(text: string, signature: Buffer, publicKey: KeyObject): boolean {
  return verify(null, Buffer.from(text), publicKey, signature);
}

/** The private key that signs checkpoints. @see RFC 8032 (Ed25519) */
export class AuditKey {
  readonly publicKey: KeyObject;
  readonly id: string;

  private constructor(private readonly privateKey: KeyObject) {
    this.publicKey = createPublicKey(privateKey);
    this.id = keyIdOf(this.publicKey);
  }

  /** @throws Error if the text is no Ed25519 private key in PEM (PKCS #8) */
  static read(pem: string): AuditKey {
    return new AuditKey(assertEd25519(createPrivateKey(pem)));
  }

  /** A new one, in PEM (PKCS #8). */
  static generate(): string {
    return generateKeyPairSync('ed25519', {
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey;
  }

  get publicPem(): string {
    return this.publicKey.export({ type: 'spki', format: 'pem' });
  }

  sign(text: string): Buffer {
    return sign(null, Buffer.from(text), this.privateKey);
  }

  /** A secret for another purpose, which tells nothing about the key. @see RFC 5869 (HKDF) */
  derive(purpose: string): Buffer {
    const { d = '' } = this.privateKey.export({ format: 'jwk' });
    return Buffer.from(hkdfSync('sha256', Buffer.from(d, 'base64url'), '', purpose, 32));
  }
}

function assertEd25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error('The key is not an Ed25519 key.');
  return key;
}
