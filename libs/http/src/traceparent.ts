import type { Request } from 'express';

/** The trace that the request belongs to; null if absent or malformed. @see W3C Trace Context, section 3.2 */
export function traceparentOf(request: Request): string | null {
  const value = request.get('traceparent') ?? '';
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(value) ? value : null;
}
