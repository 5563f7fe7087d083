import type { Page, PageRequest } from '@app/kernel';
import type { ApiKey } from '../domain/api-key.js';

/** Where keys are kept. */
export abstract class ApiKeyRepository {
  /** Answers false, and does nothing, if there is a key with the prefix. */
  abstract insert(key: ApiKey): Promise<boolean>;
  /** Null if there is none. */
  abstract findByPrefix(prefix: string): Promise<ApiKey | null>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<ApiKey | null>;
  /** Newest first. */
  abstract list(page: PageRequest): Promise<Page<ApiKey>>;
  /** The key as it then is; null if there is none or it is revoked already. */
  abstract revoke(id: string): Promise<ApiKey | null>;
  /** Notes that the key was used, at most every 10 s. */
  abstract touch(id: string): Promise<void>;
}
