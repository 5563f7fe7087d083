import type { Page, PageRequest } from '@app/kernel';
import type { ApiKey } from '../domain/api-key.js';

/** Number of keys that currently have `admin` for all projects. */
export interface Administrators {
  readonly now: number;
  /** How many of them do not expire. */
  readonly permanent: number;
}

export abstract class ApiKeyRepository {
  /** Returns false and does nothing if a key with the prefix exists. */
  abstract insert(key: ApiKey): Promise<boolean>;
  /** Null if there is none. */
  abstract findByPrefix(prefix: string): Promise<ApiKey | null>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<ApiKey | null>;
  /** The secret that signs what the callbacks of its commands are told. Null if there is no such key. */
  abstract callbackSecret(id: string): Promise<string | null>;
  /** Returns those of the keys that exist, locked against changes until the transaction ends. */
  abstract lock(ids: readonly string[]): Promise<readonly ApiKey[]>;
  /** Counts the administrators except one key. Serialised: a transaction sees the changes of the previous caller. */
  abstract otherAdministrators(id: string): Promise<Administrators>;
  /** Newest first; only keys whose projects are all matched by the globs. Null: all keys. */
  abstract list(page: PageRequest, visibleProjects: readonly string[] | null): Promise<Page<ApiKey>>;
  /** Writes the grant of a locked key and `warnAt`. */
  abstract update(key: ApiKey): Promise<void>;
  /** Returns the revoked key; null if there is none or it was already revoked. */
  abstract revoke(id: string): Promise<ApiKey | null>;
  /** Keys that were not created by another key and are not revoked, oldest first. */
  abstract listBootstrapKeys(): Promise<readonly ApiKey[]>;
  /** Updates `lastUsedAt`, at most every 10 s. */
  abstract touch(id: string): Promise<void>;
  /** Claims keys whose expiry warning is due. Each is returned to one caller only, if its transaction commits. */
  abstract takeDueWarnings(limit: number): Promise<readonly ApiKey[]>;
}
