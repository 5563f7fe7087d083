export { Backoff } from './backoff.js';
export { type Retrying, retryWhileUnavailable } from './retry.js';
