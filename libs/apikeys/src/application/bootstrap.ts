import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InvalidConfiguration } from '@app/config';
import { Clock, EventLog, Transactor, newId } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type ApiKey, keyCreated } from '../domain/api-key.js';
import { type Secret, hashSecret, matchesHash, newSecret, parseSecret } from '../domain/key-format.js';
import { ApiKeyRepository } from './api-key.repository.js';

export interface BootstrapOptions {
  /** The admin key that the operator gave, or null. */
  readonly adminKey: string | null;
  /** Where a generated key goes; null: none is generated. */
  readonly keyFile: string | null;
}

/** Makes sure that there is an admin key to begin with. */
@Injectable()
export class Bootstrap {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly transactor: Transactor,
    private readonly events: EventLog,
    private readonly clock: Clock,
  ) {}

  /**
   * Safe to run in several replicas and again at every start. Answers the file of the key, if there is one.
   * @throws {@link InvalidConfiguration} if RDEV_ADMIN_KEY is not in the format of a key; Error if its prefix belongs to another key
   */
  async ensureAdminKey({ adminKey, keyFile }: BootstrapOptions): Promise<string | null> {
    if (adminKey !== null) {
      const secret = parseSecret(adminKey);
      if (secret === null)
        throw new InvalidConfiguration(['RDEV_ADMIN_KEY must have the format of a key, checksum included']);
      await this.admit(secret);
      return null;
    }
    if (keyFile === null) return null;
    await this.admit((await readSecret(keyFile)) ?? (await writeSecret(keyFile)));
    return keyFile;
  }

  private async admit(secret: Secret): Promise<void> {
    const key: ApiKey = {
      id: newId('key'),
      name: 'admin',
      prefix: secret.prefix,
      hash: hashSecret(secret),
      scopes: ['admin'],
      projects: null,
      allowedIps: null,
      rateLimitRps: null,
      maxConcurrentCommands: null,
      createdBy: null,
      rotatedFrom: null,
      createdAt: this.clock.now(),
      expiresAt: null,
      warnAt: null,
      revokedAt: null,
      lastUsedAt: null,
    };
    await this.transactor.run(async () => {
      if (await this.keys.insert(key)) await this.events.add(keyCreated(key));
    });
    const stored = await this.keys.findByPrefix(secret.prefix);
    if (stored === null || !matchesHash(secret, stored.hash)) {
      throw new Error('The prefix of the admin key belongs to another key. Use a new one.');
    }
  }
}

async function readSecret(file: string): Promise<Secret | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : parseSecret(text.trim());
}

/** Written beside and moved into place, so that a crash leaves no half of a key. */
async function writeSecret(file: string): Promise<Secret> {
  const secret = newSecret();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${secret.text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  return secret;
}
