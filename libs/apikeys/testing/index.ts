export { aGrant, aKey } from './a-key.js';
export { anAuthenticator } from './an-authenticator.js';
export { type ApiKeyRepositoryHarness, describeApiKeyRepository } from './describe-api-key-repository.js';
export { type TicketRepositoryHarness, describeTicketRepository } from './describe-ticket-repository.js';
export { newSecret } from '../src/domain/key-format.js';
export { InMemoryApiKeyRepository } from './in-memory-api-key.repository.js';
export { InMemoryTicketRepository } from './in-memory-ticket.repository.js';
