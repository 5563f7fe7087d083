import { newId } from '@app/kernel';
import type { ApiKey, Grant } from '../src/domain/api-key.js';
import { type Secret, hashSecret, newSecret } from '../src/domain/key-format.js';

/** A key that may do everything, unless said otherwise. */
export function aKey(traits: Partial<ApiKey> = {}, secret: Secret = newSecret()): ApiKey {
  return {
    id: newId('key'),
    name: 'ci',
    prefix: secret.prefix,
    hash: hashSecret(secret),
    scopes: ['admin'],
    projects: null,
    allowedIps: null,
    rateLimitRps: null,
    maxConcurrentCommands: null,
    createdBy: null,
    createdAt: new Date(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...traits,
  };
}

/** What a new key may do: nothing, unless said otherwise. */
export function aGrant(traits: Partial<Grant> = {}): Grant {
  const { name, projects, allowedIps, expiresAt, rateLimitRps, maxConcurrentCommands } = aKey();
  return { name, scopes: [], projects, allowedIps, expiresAt, rateLimitRps, maxConcurrentCommands, ...traits };
}
