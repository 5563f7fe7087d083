import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InvalidConfiguration } from '@app/config';
import { Clock, EventLog, Notifier, Transactor, newId } from '@app/kernel';
import { Injectable, Logger } from '@nestjs/common';
import { type ApiKey, isAdministrator, keyCreated, keyRevoked } from '../domain/api-key.js';
import { type Secret, hashSecret, matchesHash, newSecret, parseSecret } from '../domain/key-format.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { KEY_CHANGED } from './key-cache.js';

export interface BootstrapOptions {
  /** The admin key that the operator configured, or null. */
  readonly adminKey: string | null;
  /** File for a generated key; null: none is generated. */
  readonly keyFile: string | null;
}

/** Ensures that there is one initial admin key: a new one revokes the previous one. */
@Injectable()
export class Bootstrap {
  private readonly logger = new Logger(Bootstrap.name);

  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly transactor: Transactor,
    private readonly events: EventLog,
    private readonly notifier: Notifier,
    private readonly clock: Clock,
  ) {}

  /**
   * Safe to run in several replicas and at every start. Returns the file that contains an admin key, or null.
   * @throws {@link InvalidConfiguration} if RDEV_ADMIN_KEY is not in the format of a key; Error if its prefix belongs
   * to another key
   */
  async ensureAdminKey({ adminKey, keyFile }: BootstrapOptions): Promise<string | null> {
    if (adminKey !== null) {
      const secret = parseSecret(adminKey);
      if (secret === null)
        throw new InvalidConfiguration(['RDEV_ADMIN_KEY must have the format of a key, checksum included']);
      const key = await this.admit(secret);
      if (!this.isAdministrator(key))
        this.logger.warn('The key in RDEV_ADMIN_KEY was revoked, has expired, or lost its rights');
      return null;
    }
    return keyFile === null ? null : this.ensureKeyIn(keyFile);
  }

  /** A revoked key in the file is not restored. It is replaced only if there is no other administrator. */
  private async ensureKeyIn(keyFile: string): Promise<string | null> {
    const secret = await readSecret(keyFile);
    const key = secret === null ? null : await this.admit(secret);
    if (key !== null && this.isAdministrator(key)) return keyFile;
    const { now: others } = key === null ? { now: 0 } : await this.keys.otherAdministrators(key.id);
    if (others > 0) {
      this.logger.warn(
        { keyFile },
        'The admin key in the file was revoked, has expired, or lost its rights: use another one',
      );
      return null;
    }
    if (key !== null) this.logger.warn({ keyFile }, 'No admin key was left: created a new one');
    await this.admit(await writeSecret(keyFile));
    return keyFile;
  }

  private isAdministrator(key: ApiKey): boolean {
    return isAdministrator(key, this.clock.now());
  }

  private async revoke(id: string): Promise<void> {
    const revoked = await this.keys.revoke(id);
    if (revoked === null) return;
    await this.notifier.announce(KEY_CHANGED, revoked.prefix);
    await this.events.add(keyRevoked(revoked));
  }

  /** Returns the stored key; creates it if it does not exist. */
  private async admit(secret: Secret): Promise<ApiKey> {
    const key: ApiKey = {
      id: newId('key', this.clock.now()),
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
      if (!(await this.keys.insert(key))) return;
      await this.events.add(keyCreated(key));
      for (const { id } of await this.keys.listBootstrapKeys()) if (id !== key.id) await this.revoke(id);
    });
    const stored = await this.keys.findByPrefix(secret.prefix);
    if (stored === null || !matchesHash(secret, stored.hash)) {
      throw new Error('The prefix of the admin key belongs to another key. Use a new one.');
    }
    return stored;
  }
}

async function readSecret(file: string): Promise<Secret | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  return text === null ? null : parseSecret(text.trim());
}

/** Written to a temporary file and renamed, so that a crash leaves no partial key. */
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
