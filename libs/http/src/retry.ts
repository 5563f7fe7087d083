const RETRY_MS_MIN = 2_000;
const RETRY_MS_SPREAD = 3_000;

/**
 * The `retry:` of a stream that ends early: long enough for a replica to restart, since a browser that meets a proxy's
 * 502 meanwhile gives up for good; and another for each stream, so that not all come back in the same moment.
 */
export function retryMs(atLeastSeconds = 0): number {
  return atLeastSeconds * 1_000 + RETRY_MS_MIN + Math.floor(Math.random() * RETRY_MS_SPREAD);
}
