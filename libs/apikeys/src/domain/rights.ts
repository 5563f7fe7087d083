import { hasScope, maySeeProject } from '@app/kernel';
import { isNetworkWithin } from './addresses.js';
import type { ApiKey, Grant } from './api-key.js';

type Rights = Pick<
  Grant,
  'scopes' | 'projects' | 'allowedIps' | 'expiresAt' | 'rateLimitRps' | 'maxConcurrentCommands'
>;

/**
 * Describes which of the requested rights exceed the caller's own; empty if none do. Each requested list entry must be
 * covered by a single own entry: two own entries that cover it only together do not count.
 * @param defaultRps requests per second of keys without their own limit; 0: no limit
 */
export function rightsBeyond(own: Rights, asked: Rights, defaultRps: number): string[] {
  return [
    ...accessBeyond(own, asked),
    ...(isNotLater(asked.expiresAt, own.expiresAt) ? [] : ['a later expiry']),
    ...(isRateWithin(own, asked.rateLimitRps, defaultRps) ? [] : ['a higher rateLimitRps']),
    ...(isAtMost(asked.maxConcurrentCommands, own.maxConcurrentCommands) ? [] : ['a higher maxConcurrentCommands']),
  ];
}

/** The same without expiry and limits. */
export function accessBeyond(own: Rights, asked: Rights): string[] {
  const scopes = asked.scopes.filter((scope) => !hasScope(own, scope));
  return [
    ...(scopes.length > 0 ? [`the scope ${scopes.join(', ')}`] : []),
    ...(areProjectsWithin(asked.projects, own) ? [] : ['projects']),
    ...(areNetworksWithin(asked.allowedIps, own.allowedIps) ? [] : ['addresses']),
  ];
}

/** No project id contains `*`, so an own glob that matches the requested glob as text matches all that it matches. */
export function areProjectsWithin(asked: ApiKey['projects'], own: Pick<ApiKey, 'projects'>): boolean {
  return own.projects === null || (asked?.every((glob) => maySeeProject(own, glob)) ?? false);
}

function areNetworksWithin(asked: ApiKey['allowedIps'], own: ApiKey['allowedIps']): boolean {
  if (own === null) return true;
  return asked?.every((network) => own.some((outer) => isNetworkWithin(network, outer))) ?? false;
}

function isNotLater(asked: Date | null, own: Date | null): boolean {
  return own === null || (asked !== null && asked <= own);
}

/**
 * A key without its own limit has the server default and can grant at most that; an administrator can exceed it. A key
 * with a limit must grant an explicit limit, since the server default may change at the next start.
 */
function isRateWithin(own: Rights, asked: number | null, defaultRps: number): boolean {
  if (own.rateLimitRps === null && (asked === null || hasScope(own, 'admin'))) return true;
  const bound = own.rateLimitRps ?? defaultRps;
  return bound === 0 || (asked !== 0 && isAtMost(asked, bound));
}

function isAtMost(asked: number | null, bound: number | null): boolean {
  return bound === null || (asked !== null && asked <= bound);
}
