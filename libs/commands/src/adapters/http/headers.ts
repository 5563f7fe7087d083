import { InvalidInput } from '@app/kernel';
import type { Request } from 'express';

const WAIT_SECONDS_MAX = 60;

/** Seconds of `Prefer: wait=N`; null if it is not asked for. @see RFC 7240, section 4.3 */
export function preferredWaitSeconds(request: Request): number | null {
  const match = /(?:^|[,;\s])wait\s*=\s*"?([^",;\s]*)"?/i.exec(request.get('prefer') ?? '');
  if (match?.[1] === undefined) return null;
  if (!/^\d{1,2}$/.test(match[1]) || Number(match[1]) > WAIT_SECONDS_MAX) {
    throw new InvalidInput([{ pointer: 'Prefer', detail: `wait must be 0 to ${String(WAIT_SECONDS_MAX)} seconds` }]);
  }
  return Number(match[1]);
}

/** The trace that the request belongs to; null if there is none or it is malformed. @see W3C Trace Context, section 3.2 */
export function traceparentOf(request: Request): string | null {
  const value = request.get('traceparent') ?? '';
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(value) ? value : null;
}
