import type { Actor } from './event-log.js';

/** A span and its trace, in hexadecimal digits. @see W3C Trace Context, section 3.2.2 */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: string;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The value of a `traceparent` header; null if absent or malformed. */
export function parseTraceparent(text: string | null | undefined): TraceContext | null {
  const [, traceId, spanId, traceFlags] = TRACEPARENT.exec(text ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || traceFlags === undefined) return null;
  return { traceId, spanId, traceFlags };
}

/** The value of a `traceparent` header; null if the actor belongs to no trace, or a former release recorded it. */
export function formatTraceparent({
  traceId,
  spanId,
  traceFlags,
}: Pick<Actor, 'traceId' | 'spanId' | 'traceFlags'>): string | null {
  return traceId && spanId && traceFlags ? `00-${traceId}-${spanId}-${traceFlags}` : null;
}
