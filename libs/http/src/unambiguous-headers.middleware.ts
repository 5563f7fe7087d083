import { InvalidInput } from '@app/kernel';
import type { NextFunction, Request, Response } from 'express';

/** Of several, a proxy may believe another one than we do. */
const ONCE = [
  'host',
  'authorization',
  'x-api-key',
  'content-type',
  'content-length',
  'idempotency-key',
  'last-event-id',
];

/** Refuses what could be read in two ways: headers that decide something and come twice, or no `Host`. */
export function unambiguousHeaders(request: Request, _response: Response, next: NextFunction): void {
  const errors = ONCE.filter((name) => (request.headersDistinct[name]?.length ?? 0) > 1).map((name) => ({
    pointer: name,
    detail: 'must be sent once',
  }));
  if (request.httpVersion === '1.1' && request.headers.host === undefined) {
    errors.push({ pointer: 'host', detail: 'must be sent' });
  }
  if (errors.length > 0) next(new InvalidInput(errors));
  else next();
}
