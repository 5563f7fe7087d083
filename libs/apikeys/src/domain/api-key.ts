import { type Caller, type NewEvent, type Scope, hasScope } from '@app/kernel';
import { KeyTooMighty } from './api-key.errors.js';

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  /** The public part of the key, by which it is looked up. */
  readonly prefix: string;
  /** SHA-256 of the whole key. */
  readonly hash: Buffer;
  readonly scopes: readonly Scope[];
  /** Globs of the projects that it may see; null: all. */
  readonly projects: readonly string[] | null;
  /** Addresses and CIDRs that it may be used from; null: all. */
  readonly allowedIps: readonly string[] | null;
  /** Requests per second over the sliding window; 0: no limit; null: the server's. */
  readonly rateLimitRps: number | null;
  /** Commands of this key that may run at a time; null: no limit of its own. */
  readonly maxConcurrentCommands: number | null;
  /** The key that made it; null for the bootstrap key. */
  readonly createdBy: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** What a new key shall be allowed. */
export type Grant = Pick<
  ApiKey,
  'name' | 'scopes' | 'projects' | 'allowedIps' | 'expiresAt' | 'rateLimitRps' | 'maxConcurrentCommands'
>;

/** @throws {@link KeyTooMighty} if the grant goes beyond the rights of the key that gives it */
export function assertNotMightier(grant: Grant, caller: Caller, own: ApiKey): void {
  const missing = grant.scopes.filter((scope) => !hasScope(caller, scope));
  if (missing.length > 0) throw new KeyTooMighty(`the scope ${missing.join(', ')}`);
  if (!isWithin(grant.projects, own.projects)) throw new KeyTooMighty('projects');
  if (!isWithin(grant.allowedIps, own.allowedIps)) throw new KeyTooMighty('addresses');
  if (own.expiresAt !== null && (grant.expiresAt === null || grant.expiresAt > own.expiresAt)) {
    throw new KeyTooMighty('a later expiry');
  }
}

/** Conservative: an entry counts as within only if the giver has the very same one. */
function isWithin(asked: readonly string[] | null, own: readonly string[] | null): boolean {
  if (own === null) return true;
  return asked?.every((entry) => own.includes(entry)) ?? false;
}

export function keyCreated(key: ApiKey): NewEvent {
  const { id, name, prefix, scopes, projects, allowedIps, expiresAt } = key;
  const data = { name, prefix, scopes, projects, allowedIps, expiresAt: expiresAt?.toISOString() ?? null };
  return { type: 'key.created', target: id, outcome: 'succeeded', data };
}

export function keyRevoked({ id, name, prefix }: ApiKey): NewEvent {
  return { type: 'key.revoked', target: id, outcome: 'succeeded', data: { name, prefix } };
}
