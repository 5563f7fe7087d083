import { Database, LOCKS } from '@app/database';
import { type Page, type PageRequest, decodeIdCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { ApiKey } from '../../domain/api-key.js';
import { type Administrators, ApiKeyRepository } from '../../application/api-key.repository.js';

const COLUMNS = `id, name, prefix, hash, scopes, projects, allowed_ips AS "allowedIps",
  rate_limit_rps AS "rateLimitRps", max_concurrent_commands AS "maxConcurrentCommands", created_by AS "createdBy",
  rotated_from AS "rotatedFrom", created_at AS "createdAt", expires_at AS "expiresAt", warn_at AS "warnAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

@Injectable()
export class PostgresApiKeyRepository implements ApiKeyRepository {
  constructor(private readonly database: Database) {}

  async insert(key: ApiKey): Promise<boolean> {
    const rows = await this.database.query(
      `INSERT INTO api_keys (id, name, prefix, hash, scopes, projects, allowed_ips, created_by, created_at, expires_at,
         rate_limit_rps, max_concurrent_commands, rotated_from, warn_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (prefix) DO NOTHING RETURNING id`,
      [
        key.id,
        key.name,
        key.prefix,
        key.hash,
        key.scopes,
        key.projects,
        key.allowedIps,
        key.createdBy,
        key.createdAt,
        key.expiresAt,
        key.rateLimitRps,
        key.maxConcurrentCommands,
        key.rotatedFrom,
        key.warnAt,
      ],
    );
    return rows.length === 1;
  }

  async findByPrefix(prefix: string): Promise<ApiKey | null> {
    const [key] = await this.database.query<ApiKey>(`SELECT ${COLUMNS} FROM api_keys WHERE prefix = $1`, [prefix]);
    return key ?? null;
  }

  async findById(id: string): Promise<ApiKey | null> {
    const [key] = await this.database.query<ApiKey>(`SELECT ${COLUMNS} FROM api_keys WHERE id = $1`, [id]);
    return key ?? null;
  }

  async callbackSecret(id: string): Promise<string | null> {
    const [row] = await this.database.query<{ secret: string }>(
      'SELECT callback_secret AS secret FROM api_keys WHERE id = $1',
      [id],
    );
    return row?.secret ?? null;
  }

  lock(ids: readonly string[]): Promise<readonly ApiKey[]> {
    // Always in the same order: two keys that change each other must not deadlock.
    return this.database.query<ApiKey>(
      `SELECT ${COLUMNS} FROM api_keys WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`,
      [ids],
    );
  }

  async otherAdministrators(id: string): Promise<Administrators> {
    // A separate statement, so that the next one sees the changes of the previous holder of the lock.
    await this.database.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.administrators]);
    const [row] = await this.database.query<Administrators>(
      `SELECT count(*)::int AS now, count(*) FILTER (WHERE expires_at IS NULL)::int AS "permanent" FROM api_keys
       WHERE id <> $1 AND 'admin' = ANY(scopes) AND projects IS NULL AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > now()) AND allowed_ips IS DISTINCT FROM '{}'`,
      [id],
    );
    return row ?? { now: 0, permanent: 0 };
  }

  async list({ limit, cursor }: PageRequest, visibleProjects: readonly string[] | null): Promise<Page<ApiKey>> {
    const before = decodeIdCursor(cursor, 'key');
    const patterns = visibleProjects?.map((glob) => glob.replaceAll('*', '%')) ?? null;
    const rows = await this.database.query<ApiKey>(
      `SELECT ${COLUMNS} FROM api_keys
       WHERE ($1::text IS NULL OR id < $1) AND ($3::text[] IS NULL OR
         projects IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(projects) AS glob WHERE NOT glob LIKE ANY ($3)))
       ORDER BY id DESC LIMIT $2`,
      [before, limit + 1, patterns],
    );
    return toPage(rows, limit, ({ id }) => [id]);
  }

  async update(key: ApiKey): Promise<void> {
    await this.database.query(
      `UPDATE api_keys SET name = $2, scopes = $3, projects = $4, allowed_ips = $5, expires_at = $6, rate_limit_rps = $7,
         max_concurrent_commands = $8, warn_at = $9
       WHERE id = $1`,
      [
        key.id,
        key.name,
        key.scopes,
        key.projects,
        key.allowedIps,
        key.expiresAt,
        key.rateLimitRps,
        key.maxConcurrentCommands,
        key.warnAt,
      ],
    );
  }

  async revoke(id: string): Promise<ApiKey | null> {
    const [key] = await this.database.query<ApiKey>(
      `UPDATE api_keys SET revoked_at = clock_timestamp(), warn_at = NULL WHERE id = $1 AND revoked_at IS NULL RETURNING ${COLUMNS}`,
      [id],
    );
    return key ?? null;
  }

  listBootstrapKeys(): Promise<readonly ApiKey[]> {
    return this.database.query<ApiKey>(
      `SELECT ${COLUMNS} FROM api_keys WHERE created_by IS NULL AND revoked_at IS NULL ORDER BY id`,
    );
  }

  async touch(id: string): Promise<void> {
    await this.database.query(
      `UPDATE api_keys SET last_used_at = now()
       WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '10 seconds')`,
      [id],
    );
  }

  takeDueWarnings(limit: number): Promise<readonly ApiKey[]> {
    return this.database.query<ApiKey>(
      `UPDATE api_keys SET warn_at = NULL WHERE id IN (
         SELECT id FROM api_keys WHERE warn_at <= now() ORDER BY warn_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
       ) RETURNING ${COLUMNS}`,
      [limit],
    );
  }
}
