import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { InvalidConfiguration } from '@app/config';
import { AuditKey } from '../domain/audit-key.js';

export interface AuditKeyOptions {
  /** The private key in PEM that the operator configured; null: none. */
  readonly key: string | null;
  /** The one that it replaces. */
  readonly formerKey: string | null;
  /** Where a generated key is kept; null: none is generated. */
  readonly keyFile: string | null;
}

/** The private keys of this process. */
export class AuditKeys {
  private constructor(
    /** Signs checkpoints; null: there is none. */
    readonly current: AuditKey | null,
    /** Vouches for the current one; null: there is none. */
    readonly former: AuditKey | null,
  ) {}

  /** @throws {@link InvalidConfiguration} if a text is no Ed25519 key */
  static async load({ key, formerKey, keyFile }: AuditKeyOptions): Promise<AuditKeys> {
    const current = key ?? (keyFile === null ? null : await fileKey(keyFile));
    const name = key === null ? (keyFile ?? '') : 'RDEV_AUDIT_KEY';
    return new AuditKeys(parsed(name, current), parsed('RDEV_AUDIT_FORMER_KEY', formerKey));
  }
}

function parsed(name: string, pem: string | null): AuditKey | null {
  try {
    return pem === null ? null : AuditKey.read(pem);
  } catch {
    // The message of the library may contain a part of the key.
    throw new InvalidConfiguration([
      `${name} must be an Ed25519 private key in PEM, as "openssl genpkey -algorithm ed25519" makes`,
    ]);
  }
}

/** Reads the file; writes a new key to it if there is none. */
async function fileKey(path: string): Promise<string> {
  const found = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  if (found !== null) return found;
  await mkdir(dirname(path), { recursive: true });
  const pem = AuditKey.generate();
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(pem);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return pem;
}
