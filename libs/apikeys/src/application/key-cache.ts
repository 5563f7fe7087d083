import { Notifier } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { ApiKey } from '../domain/api-key.js';
import { ApiKeyRepository } from './api-key.repository.js';

/** Channel on which the prefix of a changed key is announced, in the transaction of the change. */
export const KEY_CHANGED = 'key';

/** Changes must take effect everywhere within 1 s: a cache not proven current for longer than this is not used. */
const PROOF_MS = 800;
/** A key takes at most 20 KiB. */
const KEYS_MAX = 1_000;

/**
 * Caches keys while every change is certain to be received. An unknown prefix is looked up every time: caching it would
 * let unauthenticated clients fill the memory.
 */
@Injectable()
export class KeyCache {
  readonly lookups = { hit: 0, miss: 0 };
  private readonly keys = new Map<string, ApiKey>();
  /** Counts changes, so that a key read before a change is not cached after it. */
  private changes = 0;

  constructor(
    private readonly repository: ApiKeyRepository,
    private readonly notifier: Notifier,
  ) {
    notifier.subscribe(
      KEY_CHANGED,
      (prefix) => {
        this.changes++;
        this.keys.delete(prefix);
      },
      () => {
        this.changes++;
        this.keys.clear();
      },
    );
  }

  get size(): number {
    return this.keys.size;
  }

  /** Null if there is none. @throws {@link Unavailable} if the key is not cached and the database is unavailable */
  async findByPrefix(prefix: string): Promise<ApiKey | null> {
    const cached = this.keys.get(prefix);
    const isHit = cached !== undefined && performance.now() - this.notifier.heardUntil < PROOF_MS;
    this.lookups[isHit ? 'hit' : 'miss']++;
    if (isHit) return cached;
    const { changes } = this;
    const key = await this.repository.findByPrefix(prefix);
    if (key !== null && changes === this.changes) this.keep(key);
    return key;
  }

  private keep(key: ApiKey): void {
    const oldest = this.keys.keys().next();
    if (this.keys.size >= KEYS_MAX && oldest.done !== true) this.keys.delete(oldest.value);
    this.keys.set(key.prefix, key);
  }
}
