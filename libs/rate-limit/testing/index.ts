export { describeRateLimitStore } from './describe-rate-limit-store.js';
export { InMemoryRateLimitStore } from './in-memory-rate-limit-store.js';
