import {
  type Caller,
  Clock,
  EventLog,
  Idempotency,
  NotFound,
  type Page,
  type PageRequest,
  Transactor,
  newId,
} from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type ApiKey, type Grant, assertNotMightier, keyCreated, keyRevoked } from '../domain/api-key.js';
import { Unauthenticated } from '../domain/api-key.errors.js';
import { hashSecret, newSecret } from '../domain/key-format.js';
import { ApiKeyRepository } from './api-key.repository.js';

/** Hands out keys and takes them back. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly clock: Clock,
  ) {}

  /** The new key and its text, which is not kept: null if an earlier request has made the key. */
  async create(grant: Grant, caller: Caller): Promise<{ key: ApiKey; secret: string | null }> {
    assertNotMightier(grant, caller, await this.self(caller));
    const secret = newSecret();
    const key: ApiKey = {
      ...grant,
      id: newId('key'),
      prefix: secret.prefix,
      hash: hashSecret(secret),
      createdBy: caller.keyId,
      createdAt: this.clock.now(),
      revokedAt: null,
      lastUsedAt: null,
    };
    const { id, isReplay } = await this.idempotency.once(async () => {
      if (!(await this.keys.insert(key))) throw new Error('The prefix of the new key is in use by chance.');
      await this.events.add(keyCreated(key));
      return key.id;
    });
    return isReplay ? { key: await this.get(id), secret: null } : { key, secret: secret.text };
  }

  list(page: PageRequest): Promise<Page<ApiKey>> {
    return this.keys.list(page);
  }

  /** @throws {@link NotFound} */
  async get(id: string): Promise<ApiKey> {
    const key = await this.keys.findById(id);
    if (key === null) throw new NotFound('key', id);
    return key;
  }

  async self(caller: Caller): Promise<ApiKey> {
    const key = await this.keys.findById(caller.keyId);
    if (key === null) throw new Unauthenticated();
    return key;
  }

  /** Revoking twice is no error. */
  async revoke(id: string): Promise<void> {
    await this.get(id);
    await this.transactor.run(async () => {
      const revoked = await this.keys.revoke(id);
      if (revoked !== null) await this.events.add(keyRevoked(revoked));
    });
  }
}
