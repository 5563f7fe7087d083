import { type Page, type PageRequest, decodeIdCursor, maySeeProject, toPage } from '@app/kernel';
import { InMemoryTransactor } from '@app/kernel/testing';
import { type Administrators, type ApiKeyRepository } from '../src/application/api-key.repository.js';
import { type ApiKey, grantOf, isAdministrator } from '../src/domain/api-key.js';

const TOUCH_EVERY_MS = 10_000;

export class InMemoryApiKeyRepository implements ApiKeyRepository {
  private readonly keys = new Map<string, ApiKey>();

  constructor(private readonly transactor = new InMemoryTransactor()) {}

  async insert(key: ApiKey): Promise<boolean> {
    if (this.withPrefix(key.prefix) !== null) return false;
    this.write({ ...key, revokedAt: null, lastUsedAt: null });
    return true;
  }

  async findByPrefix(prefix: string): Promise<ApiKey | null> {
    return this.withPrefix(prefix);
  }

  async findById(id: string): Promise<ApiKey | null> {
    return this.keys.get(id) ?? null;
  }

  async callbackSecret(id: string): Promise<string | null> {
    return this.keys.has(id) ? `whsec_of_${id}` : null;
  }

  /** Needs no locks: nothing runs concurrently. */
  async lock(ids: readonly string[]): Promise<readonly ApiKey[]> {
    return [...new Set(ids)].flatMap((id) => this.keys.get(id) ?? []);
  }

  async otherAdministrators(id: string): Promise<Administrators> {
    const others = [...this.keys.values()].filter((key) => key.id !== id && isAdministrator(key, new Date()));
    return { now: others.length, permanent: others.filter(({ expiresAt }) => expiresAt === null).length };
  }

  async list({ limit, cursor }: PageRequest, projects: readonly string[] | null): Promise<Page<ApiKey>> {
    const before = decodeIdCursor(cursor, 'key');
    const found = [...this.keys.values()]
      .filter(({ id }) => before === null || id < before)
      .filter((key) => projects === null || key.projects?.every((glob) => maySeeProject({ projects }, glob)))
      .sort((a, b) => (a.id < b.id ? 1 : -1));
    return toPage(found.slice(0, limit + 1), limit, ({ id }) => [id]);
  }

  async update(key: ApiKey): Promise<void> {
    const stored = this.keys.get(key.id);
    if (stored !== undefined) this.write({ ...stored, ...grantOf(key), warnAt: key.warnAt });
  }

  async revoke(id: string): Promise<ApiKey | null> {
    const key = this.keys.get(id);
    if (key?.revokedAt !== null) return null;
    return this.write({ ...key, revokedAt: new Date(), warnAt: null });
  }

  async listBootstrapKeys(): Promise<readonly ApiKey[]> {
    return [...this.keys.values()].filter(({ createdBy, revokedAt }) => createdBy === null && revokedAt === null);
  }

  async touch(id: string): Promise<void> {
    const key = this.keys.get(id);
    if (key === undefined) return;
    const usedAt = key.lastUsedAt?.getTime() ?? 0;
    if (Date.now() - usedAt >= TOUCH_EVERY_MS) this.write({ ...key, lastUsedAt: new Date() });
  }

  async takeDueWarnings(limit: number): Promise<readonly ApiKey[]> {
    const due = [...this.keys.values()].filter(({ warnAt }) => warnAt !== null && warnAt.getTime() <= Date.now());
    return due.slice(0, limit).map((key) => this.write({ ...key, warnAt: null }));
  }

  private withPrefix(prefix: string): ApiKey | null {
    return [...this.keys.values()].find((key) => key.prefix === prefix) ?? null;
  }

  private write(key: ApiKey): ApiKey {
    const before = this.keys.get(key.id);
    this.keys.set(key.id, key);
    this.transactor.onRollback(() => {
      if (before === undefined) this.keys.delete(key.id);
      else this.keys.set(key.id, before);
    });
    return key;
  }
}
