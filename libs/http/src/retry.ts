const RETRY_MS_MIN = 2_000;
const RETRY_MS_SPREAD = 3_000;

/**
 * The `retry:` of a stream that ends early: long enough for a replica to restart, since a browser that gets a proxy's
 * 502 gives up for good; and randomised, so that clients do not reconnect simultaneously.
 */
export function retryMs(atLeastSeconds = 0): number {
  return atLeastSeconds * 1_000 + RETRY_MS_MIN + Math.floor(Math.random() * RETRY_MS_SPREAD);
}
