import { InvalidInput } from '@app/kernel';
import type { Request } from 'express';

const ASKED_SECONDS_MAX = 60;
/** Upper bound of every wait: proxies give up on a response after 50 or 60 s, and some then retry. */
const WAIT_SECONDS_MAX = 45;

/** How long a client is made to wait that asked for this time. */
export function boundedWaitSeconds(asked: number): number {
  return Math.min(asked, WAIT_SECONDS_MAX);
}

/** Seconds to wait for `Prefer: wait=N`; null if it is absent. @see RFC 7240, section 4.3 */
export function preferredWaitSeconds(request: Request): number | null {
  const match = /(?:^|[,;\s])wait\s*=\s*"?([^",;\s]*)"?/i.exec(request.get('prefer') ?? '');
  if (match?.[1] === undefined) return null;
  if (!/^\d{1,2}$/.test(match[1]) || Number(match[1]) > ASKED_SECONDS_MAX) {
    throw new InvalidInput([{ pointer: 'Prefer', detail: `wait must be 0 to ${String(ASKED_SECONDS_MAX)} seconds` }]);
  }
  return boundedWaitSeconds(Number(match[1]));
}

/**
 * Whether the client reads trailers and the response can have them: only chunked ones can, and Node throws on the
 * header `Trailer` of any other. @see RFC 9110, section 10.1.4
 */
export function wantsTrailers(request: Request): boolean {
  const isChunked = request.httpVersion === '1.1' && request.method !== 'HEAD';
  return isChunked && /(?:^|,)\s*trailers\s*(?:,|$)/i.test(request.get('te') ?? '');
}
