import type { Page, PageRequest } from '@app/kernel';
import type { ApiKey } from '../domain/api-key.js';

/** How many keys may do everything, in every project, now. */
export interface Administrators {
  readonly now: number;
  /** Those of them that do not expire. */
  readonly forGood: number;
}

/** Where keys are kept. */
export abstract class ApiKeyRepository {
  /** Answers false, and does nothing, if there is a key with the prefix. */
  abstract insert(key: ApiKey): Promise<boolean>;
  /** Null if there is none. */
  abstract findByPrefix(prefix: string): Promise<ApiKey | null>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<ApiKey | null>;
  /** Those of the keys that there are, as they are, and stay until the transaction ends. */
  abstract lock(ids: readonly string[]): Promise<readonly ApiKey[]>;
  /** Those besides a key. They are counted for one transaction after the other: what it changes counts for the next. */
  abstract otherAdministrators(id: string): Promise<Administrators>;
  /** Newest first; only keys that see nothing but what those globs match. Null: all keys. */
  abstract list(page: PageRequest, visibleProjects: readonly string[] | null): Promise<Page<ApiKey>>;
  /** Writes the grant of a locked key, and when its expiry is to be announced. */
  abstract update(key: ApiKey): Promise<void>;
  /** The key as it then is; null if there is none or it is revoked already. */
  abstract revoke(id: string): Promise<ApiKey | null>;
  /** Those that no key made and that are not revoked, oldest first: what admits operators at a start. */
  abstract listBootstrapKeys(): Promise<readonly ApiKey[]>;
  /** Notes that the key was used, at most every 10 s. */
  abstract touch(id: string): Promise<void>;
  /** Keys whose expiry is to be announced now, each to one caller only, if its transaction commits. */
  abstract takeDueWarnings(limit: number): Promise<readonly ApiKey[]>;
}
