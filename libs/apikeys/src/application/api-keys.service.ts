import {
  type Caller,
  Clock,
  EventLog,
  Idempotency,
  NotFound,
  Notifier,
  type Page,
  type PageRequest,
  ResourceGone,
  Transactor,
  currentActor,
  newId,
  Unauthenticated,
} from '@app/kernel';
import { Inject, Injectable } from '@nestjs/common';
import {
  type ApiKey,
  type Grant,
  type GrantPatch,
  admitsAddress,
  assertUsable,
  endAfter,
  grantOf,
  isAdministrator,
  keyCreated,
  keyRevoked,
  keyRotated,
  keyUpdated,
  patchKey,
  warnAt,
} from '../domain/api-key.js';
import { KeyNotUsable, RightsExceeded, LastAdminKey } from '../domain/api-key.errors.js';
import { type Secret, hashSecret, newSecret } from '../domain/key-format.js';
import { areProjectsWithin, rightsBeyond } from '../domain/rights.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { KEY_CHANGED } from './key-cache.js';

/** Requests per second of keys without their own limit; 0: no limit. */
export type DefaultRateLimit = number;
export const DefaultRateLimit = Symbol('DefaultRateLimit');

/** A key and its text, which is not stored: null in a replay of the request that created the key. */
export interface NewKey {
  readonly key: ApiKey;
  readonly secret: string | null;
}

/** Creates, changes and revokes keys. No caller can grant, change or revoke rights that it does not have. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly notifier: Notifier,
    private readonly clock: Clock,
    @Inject(DefaultRateLimit) private readonly defaultRps: DefaultRateLimit,
  ) {}

  /** @throws {@link RightsExceeded} */
  create(grant: Grant, caller: Caller): Promise<NewKey> {
    return this.issue(async (secret) => {
      const { own } = await this.lock(caller, null);
      this.assertWithin(own, grant);
      const key = this.newKey(grant, secret, caller, null);
      await this.insert(key);
      return key;
    });
  }

  /**
   * Issues a successor with the same grant; the old key keeps working for the overlap, unless it expires earlier.
   * @throws {@link NotFound}, {@link KeyNotUsable} or {@link RightsExceeded}, as the caller gets the successor's text
   */
  rotate(id: string, overlapSeconds: number, caller: Caller): Promise<NewKey> {
    return this.issue(async (secret) => {
      const { own, target } = await this.lock(caller, id);
      const now = this.clock.now();
      if (target.revokedAt !== null) throw new KeyNotUsable(id, 'revoked');
      if (target.expiresAt !== null && target.expiresAt <= now) throw new KeyNotUsable(id, 'expired');
      this.assertWithin(own, target);
      const successor = this.newKey(grantOf(target), secret, caller, id);
      await this.insert(successor);
      const ending = endAfter(target, overlapSeconds * 1000, now);
      await this.keys.update(ending);
      await this.changed(ending);
      await this.events.add(keyRotated(ending, successor));
      return successor;
    });
  }

  /**
   * @throws {@link NotFound}, {@link KeyNotUsable}, {@link LastAdminKey}, or {@link RightsExceeded} if the key exceeds
   * the caller's rights before or after the change
   */
  patch(id: string, patch: GrantPatch, caller: Caller): Promise<ApiKey> {
    return this.transactor.run(async () => {
      const { own, target } = await this.lock(caller, id);
      if (target.revokedAt !== null) throw new KeyNotUsable(id, 'revoked');
      this.assertWithin(own, target);
      const patched = patchKey(target, patch, this.clock.now());
      if (patched === null) return target;
      this.assertWithin(own, patched.key);
      await this.assertNotLast(target, patched.key);
      await this.keys.update(patched.key);
      await this.changed(patched.key);
      await this.events.add(keyUpdated(patched.key, patched.changes));
      return patched.key;
    });
  }

  /** Idempotent. @throws {@link NotFound}, {@link RightsExceeded} or {@link LastAdminKey} */
  async revoke(id: string, caller: Caller): Promise<void> {
    await this.transactor.run(async () => {
      const { own, target } = await this.lock(caller, id);
      this.assertWithin(own, target);
      await this.assertNotLast(target, null);
      const revoked = await this.keys.revoke(id);
      if (revoked === null) return;
      await this.changed(revoked);
      await this.events.add(keyRevoked(revoked));
    });
  }

  /** Lists the keys that see only projects that the caller sees. */
  list(page: PageRequest, caller: Caller): Promise<Page<ApiKey>> {
    return this.keys.list(page, caller.projects);
  }

  /** @throws {@link NotFound}, also if the key sees projects that the caller does not see */
  async get(id: string, caller: Caller): Promise<ApiKey> {
    const key = await this.keys.findById(id);
    if (key === null || !areProjectsWithin(key.projects, caller)) throw new NotFound('key', id);
    return key;
  }

  /** Returns the caller's own key, and the secret that signs what the callbacks of its commands are told. */
  async self(caller: Caller): Promise<{ readonly key: ApiKey; readonly callbackSecret: string }> {
    const key = await this.keys.findById(caller.keyId);
    const callbackSecret = await this.keys.callbackSecret(caller.keyId);
    if (key === null || callbackSecret === null) throw new Unauthenticated();
    return { key, callbackSecret };
  }

  private async issue(create: (secret: Secret) => Promise<ApiKey>): Promise<NewKey> {
    const secret = newSecret();
    const { id, replayOf } = await this.idempotency.once(async () => (await create(secret)).id);
    const key = await this.keys.findById(id);
    if (key === null) throw new ResourceGone('key', id);
    return { key, secret: replayOf === null ? secret.text : null };
  }

  /**
   * Reads both keys and locks them until the commit: rights that the caller has just lost do not count, and two
   * concurrent changes cannot add up to one that is not allowed.
   */
  private async lock(caller: Caller, id: null): Promise<{ own: ApiKey }>;
  private async lock(caller: Caller, id: string): Promise<{ own: ApiKey; target: ApiKey }>;
  private async lock(caller: Caller, id: string | null): Promise<{ own: ApiKey; target?: ApiKey }> {
    const locked = await this.keys.lock(id === null ? [caller.keyId] : [caller.keyId, id]);
    const own = locked.find((key) => key.id === caller.keyId);
    if (own === undefined) throw new Unauthenticated();
    assertUsable(own, this.clock.now());
    if (id === null) return { own };
    const target = locked.find((key) => key.id === id);
    if (target === undefined || !areProjectsWithin(target.projects, own)) throw new NotFound('key', id);
    return { own, target };
  }

  private assertWithin(own: ApiKey, asked: Grant): void {
    const beyond = rightsBeyond(own, asked, this.defaultRps);
    if (beyond.length > 0) throw new RightsExceeded(beyond);
  }

  /** An administrator key must be left, and a permanent one if there was one. @param after null: the key is revoked */
  private async assertNotLast(before: ApiKey, after: ApiKey | null): Promise<void> {
    const now = this.clock.now();
    const left = after !== null && isOpen(before, after) ? after : null;
    const keeps = (is: (key: ApiKey) => boolean): boolean => !is(before) || (left !== null && is(left));
    const isNow = (key: ApiKey): boolean => isAdministrator(key, now);
    const isPermanent = (key: ApiKey): boolean => isNow(key) && key.expiresAt === null;
    if (keeps(isNow) && keeps(isPermanent)) return;
    const others = await this.keys.otherAdministrators(before.id);
    if ((!keeps(isNow) && others.now === 0) || (!keeps(isPermanent) && others.permanent === 0))
      throw new LastAdminKey(before.id);
  }

  private newKey(grant: Grant, secret: Secret, caller: Caller, rotatedFrom: string | null): ApiKey {
    const now = this.clock.now();
    return {
      ...grant,
      id: newId('key', now),
      prefix: secret.prefix,
      hash: hashSecret(secret),
      createdBy: caller.keyId,
      rotatedFrom,
      createdAt: now,
      warnAt: warnAt(grant.expiresAt, now),
      revokedAt: null,
      lastUsedAt: null,
    };
  }

  private async insert(key: ApiKey): Promise<void> {
    if (!(await this.keys.insert(key))) throw new Error('The random prefix of the new key is already in use.');
    await this.events.add(keyCreated(key));
  }

  private changed({ prefix }: ApiKey): Promise<void> {
    return this.notifier.announce(KEY_CHANGED, prefix);
  }
}

/** Whether the key stays usable for its owner: of new addresses, only the current one is known to be the owner's. */
function isOpen(before: ApiKey, after: ApiKey): boolean {
  return after.allowedIps === before.allowedIps || admitsAddress(after, currentActor().ip);
}
