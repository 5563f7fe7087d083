import type { Caller, NewEvent, Scope } from '@app/kernel';
import { isInNetworks } from './addresses.js';
import { KeyExpired, KeyRevoked } from './api-key.errors.js';

const DAY_MS = 86_400_000;
/** How long before its expiry a key is announced. */
export const WARNING_MS = 7 * DAY_MS;

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
  /** Requests per second over the sliding window; 0: no limit; null: the server default. */
  readonly rateLimitRps: number | null;
  /** Concurrent commands of this key; null: no limit. */
  readonly maxConcurrentCommands: number | null;
  /** The key that created it; null for the bootstrap key. */
  readonly createdBy: string | null;
  /** The key that it replaces. */
  readonly rotatedFrom: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  /** When its expiry is to be announced; null: never, or already announced. */
  readonly warnAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** The rights of a key, and its name. */
export type Grant = Pick<
  ApiKey,
  'name' | 'scopes' | 'projects' | 'allowedIps' | 'expiresAt' | 'rateLimitRps' | 'maxConcurrentCommands'
>;

/** Fields to change; null removes a limit. */
export type GrantPatch = { readonly [K in keyof Grant]?: Grant[K] | undefined };

export function grantOf(key: ApiKey): Grant {
  const { name, scopes, projects, allowedIps, expiresAt, rateLimitRps, maxConcurrentCommands } = key;
  return { name, scopes, projects, allowedIps, expiresAt, rateLimitRps, maxConcurrentCommands };
}

export function callerOf({ id, scopes, projects, rateLimitRps }: ApiKey): Caller {
  return { keyId: id, scopes, projects, rateLimitRps };
}

/** @throws {@link KeyRevoked} or {@link KeyExpired} */
export function assertUsable({ revokedAt, expiresAt }: ApiKey, now: Date): void {
  if (revokedAt !== null) throw new KeyRevoked();
  if (expiresAt !== null && expiresAt <= now) throw new KeyExpired();
}

/** Whether the key may be used from the address; null: the address is unknown. */
export function admitsAddress({ allowedIps }: Pick<ApiKey, 'allowedIps'>, address: string | null): boolean {
  return allowedIps === null || (address !== null && isInNetworks(address, allowedIps));
}

/** Whether the key currently has `admin` for all projects, from some address at least. */
export function isAdministrator({ scopes, projects, allowedIps, revokedAt, expiresAt }: ApiKey, now: Date): boolean {
  const isUsable = revokedAt === null && (expiresAt === null || expiresAt > now) && allowedIps?.length !== 0;
  return isUsable && projects === null && scopes.includes('admin');
}

/** No warning if the expiry is nearer than the warning period when it is set. */
export function warnAt(expiresAt: Date | null, now: Date): Date | null {
  if (expiresAt === null) return null;
  const at = new Date(expiresAt.getTime() - WARNING_MS);
  return at > now ? at : null;
}

/** Returns the patched key and the actual changes; null if nothing changes. */
export function patchKey(key: ApiKey, patch: GrantPatch, now: Date): { key: ApiKey; changes: GrantPatch } | null {
  const changed = Object.entries(patch).filter(
    ([field, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(key[field as keyof Grant]),
  );
  if (changed.length === 0) return null;
  const changes = Object.fromEntries(changed) as GrantPatch;
  const patched = { ...key, ...changes } as ApiKey;
  return { key: 'expiresAt' in changes ? { ...patched, warnAt: warnAt(patched.expiresAt, now) } : patched, changes };
}

/** Returns the key with its expiry limited to the overlap with its successor. */
export function endAfter(key: ApiKey, overlapMs: number, now: Date): ApiKey {
  const end = new Date(now.getTime() + overlapMs);
  return key.expiresAt !== null && key.expiresAt <= end ? key : { ...key, expiresAt: end, warnAt: null };
}

export function keyCreated(key: ApiKey): NewEvent {
  const { prefix, createdBy, rotatedFrom } = key;
  return fact('key.created', key, { ...grantOf(key), prefix, createdBy, rotatedFrom });
}

export function keyUpdated(key: ApiKey, changes: GrantPatch): NewEvent {
  return fact('key.updated', key, { changes });
}

export function keyRotated(key: ApiKey, successor: ApiKey): NewEvent {
  return fact('key.rotated', key, { successor: successor.id, expiresAt: key.expiresAt });
}

export function keyRevoked(key: ApiKey): NewEvent {
  return fact('key.revoked', key);
}

export function keyExpiring(key: ApiKey): NewEvent {
  return fact('key.expiring', key, { expiresAt: key.expiresAt });
}

function fact(type: string, { id, name, prefix }: ApiKey, data: Readonly<Record<string, unknown>> = {}): NewEvent {
  return { type, target: id, outcome: 'succeeded', data: { name, prefix, ...data } };
}
