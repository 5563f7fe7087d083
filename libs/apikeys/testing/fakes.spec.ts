import { InMemoryApiKeyRepository, describeApiKeyRepository } from './index.js';

describeApiKeyRepository('in memory', async () => ({
  keys: new InMemoryApiKeyRepository(),
  close: () => Promise.resolve(),
}));
