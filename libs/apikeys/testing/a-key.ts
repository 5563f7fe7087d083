import { newId } from '@app/kernel';
import type { ApiKey } from '../src/domain/api-key.js';
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
    createdBy: null,
    createdAt: new Date(),
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...traits,
  };
}
