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
import { KeyNotUsable, KeyTooMighty, LastAdminKey } from '../domain/api-key.errors.js';
import { type Secret, hashSecret, newSecret } from '../domain/key-format.js';
import { areProjectsWithin, rightsBeyond } from '../domain/might.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { KEY_CHANGED } from './key-cache.js';

/** The requests per second of keys that have no limit of their own; 0: no limit. */
export type DefaultRateLimit = number;
export const DefaultRateLimit = Symbol('DefaultRateLimit');

/** A key and its text, which is not kept: null if an earlier request has made the key. */
export interface NewKey {
  readonly key: ApiKey;
  readonly secret: string | null;
}

/** Hands out keys, changes them and takes them back. Nobody gets, keeps or takes away more than he has himself. */
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

  /** @throws {@link KeyTooMighty} */
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
   * Issues a successor with the same grant; the key itself lives on for the overlap, unless it ends before.
   * @throws {@link NotFound}, {@link KeyNotUsable} or {@link KeyTooMighty}, as the caller gets the successor's text
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
   * @throws {@link NotFound}, {@link KeyNotUsable}, {@link LastAdminKey}, or {@link KeyTooMighty} if the key goes, or
   * would go, beyond the caller's
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

  /** Revoking twice is no error. @throws {@link NotFound}, {@link KeyTooMighty} or {@link LastAdminKey} */
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

  /** The keys that see nothing but what the caller sees. */
  list(page: PageRequest, caller: Caller): Promise<Page<ApiKey>> {
    return this.keys.list(page, caller.projects);
  }

  /** @throws {@link NotFound}, also when the key sees projects that the caller does not */
  async get(id: string, caller: Caller): Promise<ApiKey> {
    const key = await this.keys.findById(id);
    if (key === null || !areProjectsWithin(key.projects, caller)) throw new NotFound('key', id);
    return key;
  }

  /** The caller's own. */
  async self(caller: Caller): Promise<ApiKey> {
    const key = await this.keys.findById(caller.keyId);
    if (key === null) throw new Unauthenticated();
    return key;
  }

  private async issue(create: (secret: Secret) => Promise<ApiKey>): Promise<NewKey> {
    const secret = newSecret();
    const { id, replayOf } = await this.idempotency.once(async () => (await create(secret)).id);
    const key = await this.keys.findById(id);
    if (key === null) throw new ResourceGone('key', id);
    return { key, secret: replayOf === null ? secret.text : null };
  }

  /**
   * Both keys as they are and stay until the commit: what the caller's key had a moment ago does not count, and two
   * changes at a time cannot add up to what neither of them could do.
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
    if (beyond.length > 0) throw new KeyTooMighty(beyond);
  }

  /** A key that takes the place of one that may do everything has to last as long. @param after null: none does */
  private async assertNotLast(before: ApiKey, after: ApiKey | null): Promise<void> {
    const now = this.clock.now();
    const left = after !== null && isOpen(before, after) ? after : null;
    const keeps = (is: (key: ApiKey) => boolean): boolean => !is(before) || (left !== null && is(left));
    const isNow = (key: ApiKey): boolean => isAdministrator(key, now);
    const isForGood = (key: ApiKey): boolean => isNow(key) && key.expiresAt === null;
    if (keeps(isNow) && keeps(isForGood)) return;
    const others = await this.keys.otherAdministrators(before.id);
    if ((!keeps(isNow) && others.now === 0) || (!keeps(isForGood) && others.forGood === 0))
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
    if (!(await this.keys.insert(key))) throw new Error('The prefix of the new key is in use by chance.');
    await this.events.add(keyCreated(key));
  }

  private changed({ prefix }: ApiKey): Promise<void> {
    return this.notifier.announce(KEY_CHANGED, prefix);
  }
}

/** Of new addresses only the one that is in use now is known to be somebody's. */
function isOpen(before: ApiKey, after: ApiKey): boolean {
  return after.allowedIps === before.allowedIps || admitsAddress(after, currentActor().ip);
}
