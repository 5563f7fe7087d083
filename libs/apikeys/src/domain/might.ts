import { hasScope, maySeeProject } from '@app/kernel';
import { isNetworkWithin } from './addresses.js';
import type { ApiKey, Grant } from './api-key.js';

type Rights = Pick<
  Grant,
  'scopes' | 'projects' | 'allowedIps' | 'expiresAt' | 'rateLimitRps' | 'maxConcurrentCommands'
>;

/**
 * What of the asked rights goes beyond the own ones, in words; empty if nothing does. Each asked entry of a list has to
 * lie within a single own one: two own entries that only together cover it do not count.
 * @param defaultRps the requests per second of keys without a limit of their own; 0: no limit
 */
export function rightsBeyond(own: Rights, asked: Rights, defaultRps: number): string[] {
  return [
    ...accessBeyond(own, asked),
    ...(isNotLater(asked.expiresAt, own.expiresAt) ? [] : ['a later expiry']),
    ...(isRateWithin(own, asked.rateLimitRps, defaultRps) ? [] : ['a higher rateLimitRps']),
    ...(isAtMost(asked.maxConcurrentCommands, own.maxConcurrentCommands) ? [] : ['a higher maxConcurrentCommands']),
  ];
}

/** The same without how long and how much. */
export function accessBeyond(own: Rights, asked: Rights): string[] {
  const scopes = asked.scopes.filter((scope) => !hasScope(own, scope));
  return [
    ...(scopes.length > 0 ? [`the scope ${scopes.join(', ')}`] : []),
    ...(areProjectsWithin(asked.projects, own) ? [] : ['projects']),
    ...(areNetworksWithin(asked.allowedIps, own.allowedIps) ? [] : ['addresses']),
  ];
}

/** A `*` is in no project id, so an own glob that matches the asked one as a text matches whatever that matches. */
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
 * A key without a limit of its own has the server's, and can give that or less; an administrator's is not bound by it.
 * A key with a limit can only give limits: the server's may be another one after the next start.
 */
function isRateWithin(own: Rights, asked: number | null, defaultRps: number): boolean {
  if (own.rateLimitRps === null && (asked === null || hasScope(own, 'admin'))) return true;
  const bound = own.rateLimitRps ?? defaultRps;
  return bound === 0 || (asked !== 0 && isAtMost(asked, bound));
}

function isAtMost(asked: number | null, bound: number | null): boolean {
  return bound === null || (asked !== null && asked <= bound);
}
