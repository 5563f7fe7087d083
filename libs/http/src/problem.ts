import { STATUS_CODES } from 'node:http';
import type { ErrorKind } from '@app/kernel';

/** The HTTP status of each kind of error. */
export const STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  gone: 410,
  'too-large': 413,
  unprocessable: 422,
  'rate-limited': 429,
  unavailable: 503,
};

/** Codes for errors of the framework. */
const CODE: Record<number, string> = {
  400: 'INVALID_REQUEST',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  406: 'NOT_ACCEPTABLE',
  408: 'REQUEST_TIMEOUT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  431: 'HEADERS_TOO_LARGE',
};

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly retryable?: boolean;
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The problem for a status of the framework or of the HTTP server. */
export function httpProblem(status: number, detail: string): Problem {
  return { status, code: CODE[status] ?? 'INVALID_REQUEST', detail };
}

/** @see RFC 9457 */
export function problemBody(
  { status, code, detail, retryable, extra }: Problem,
  instance: string,
  requestId: string | null,
): Record<string, unknown> {
  const words = code.toLowerCase().split('_');
  return {
    type: `urn:rdev:problem:${words.join('-')}`,
    title: words.join(' ').replace(/^./, (letter) => letter.toUpperCase()),
    status,
    detail: detail ?? STATUS_CODES[status] ?? '',
    instance,
    code,
    requestId,
    retryable: retryable ?? false,
    ...extra,
  };
}
