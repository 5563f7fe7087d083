export { aGrant, aKey } from './a-key.js';
export { type ApiKeyRepositoryHarness, describeApiKeyRepository } from './describe-api-key-repository.js';
export { InMemoryApiKeyRepository } from './in-memory-api-key.repository.js';
