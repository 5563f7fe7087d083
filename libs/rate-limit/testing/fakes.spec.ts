import { InMemoryRateLimitStore, describeRateLimitStore } from './index.js';

describeRateLimitStore('in memory', async (now) => ({
  store: new InMemoryRateLimitStore(now),
  close: () => Promise.resolve(),
}));
