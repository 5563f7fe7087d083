import { Clock, currentRequest, Unauthenticated } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type ApiKey, admitsAddress, assertUsable } from '../domain/api-key.js';
import { IpNotAllowed, MalformedKey, UnknownKey } from '../domain/api-key.errors.js';
import { matchesHash, parseSecret } from '../domain/key-format.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { KeyCache } from './key-cache.js';

const TOUCH_EVERY_MS = 10_000;
const REMEMBERED_USES_MAX = 10_000;

/** Authenticates keys; refuses in case of doubt. */
@Injectable()
export class Authenticator {
  private readonly usedAt = new Map<string, number>();

  constructor(
    private readonly cache: KeyCache,
    private readonly keys: ApiKeyRepository,
    private readonly clock: Clock,
  ) {}

  /** @throws {@link Unauthenticated}, {@link KeyRevoked}, {@link KeyExpired} or {@link IpNotAllowed} */
  async authenticate(text: string | null, address: string | null): Promise<ApiKey> {
    if (text === null) throw new Unauthenticated();
    const secret = parseSecret(text);
    if (secret === null) throw new MalformedKey();
    const key = await this.cache.findByPrefix(secret.prefix);
    if (key === null || !matchesHash(secret, key.hash)) throw new UnknownKey();
    this.admit(key, address);
    return key;
  }

  /**
   * For a key that was not looked up by its text.
   * @throws {@link KeyRevoked}, {@link KeyExpired} or {@link IpNotAllowed}
   */
  admit(key: ApiKey, address: string | null): void {
    // Set first, so that refusals are attributed to the key too.
    const request = currentRequest();
    if (request !== null) request.actor = { ...request.actor, keyId: key.id };
    assertUsable(key, this.clock.now());
    if (!admitsAddress(key, address)) throw new IpNotAllowed();
    this.noteUse(key.id);
  }

  private noteUse(id: string): void {
    const now = this.clock.now().getTime();
    if (now - (this.usedAt.get(id) ?? -Infinity) < TOUCH_EVERY_MS) return;
    if (this.usedAt.size >= REMEMBERED_USES_MAX) this.usedAt.clear();
    this.usedAt.set(id, now);
    // Failing to record the use must not fail the request.
    this.keys.touch(id).catch(() => undefined);
  }
}
