import { newId } from '@app/kernel';
import { type ApiKey, type Grant, grantOf } from '../src/domain/api-key.js';
import { type Secret, hashSecret, newSecret } from '../src/domain/key-format.js';

/** An administrator key, unless overridden. */
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
    rotatedFrom: null,
    createdAt: new Date(),
    expiresAt: null,
    warnAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...traits,
  };
}

/** A grant without scopes, unless overridden. */
export function aGrant(traits: Partial<Grant> = {}): Grant {
  return { ...grantOf(aKey()), scopes: [], ...traits };
}
