import { Notifier } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { ApiKey } from '../domain/api-key.js';
import { ApiKeyRepository } from './api-key.repository.js';

/** Announced, in the transaction of the change, with the prefix of a key that is not any more what it was. */
export const KEY_CHANGED = 'key';

/** A change acts everywhere within 1 s: what was not proven for longer than this is looked up. */
const PROOF_MS = 800;
/** A key has 20 KiB at most. */
const KEYS_MAX = 1_000;

/**
 * Keys as they are, from memory as long as every change would have been heard of. A prefix that nobody has is looked up
 * each time: remembering it would let strangers fill the memory.
 */
@Injectable()
export class KeyCache {
  private readonly keys = new Map<string, ApiKey>();
  /** Counts changes, so that what was read before one is not kept after it. */
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

  /** Null if there is none. @throws {@link Unavailable} if the key is not in memory and the database does not answer */
  async findByPrefix(prefix: string): Promise<ApiKey | null> {
    const cached = this.keys.get(prefix);
    if (cached !== undefined && performance.now() - this.notifier.heardUntil < PROOF_MS) return cached;
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
