import { type InvalidField, InvalidInput } from '@app/kernel';
import type { NextFunction, Request, Response } from 'express';
import { childPointer } from './input.js';

/** Headers that must not be repeated: a proxy may use a different one than rdev. */
const ONCE = [
  'host',
  'authorization',
  'x-api-key',
  'content-type',
  'content-length',
  'idempotency-key',
  'last-event-id',
];

/**
 * Refuses ambiguous requests: with repeated headers, without `Host`, or with a path or query that is not UTF-8, where
 * parsers would substitute U+FFFD.
 */
export function unambiguous(request: Request, _response: Response, next: NextFunction): void {
  const errors = [...headersAtFault(request), ...urlAtFault(request.originalUrl)];
  if (errors.length > 0) next(new InvalidInput(errors));
  else next();
}

function headersAtFault(request: Request): InvalidField[] {
  const errors = ONCE.filter((name) => (request.headersDistinct[name]?.length ?? 0) > 1).map((name) => ({
    pointer: name,
    detail: 'must be sent once',
  }));
  if (request.httpVersion === '1.1' && request.headers.host === undefined) {
    errors.push({ pointer: 'host', detail: 'must be sent' });
  }
  return errors;
}

function urlAtFault(url: string): InvalidField[] {
  const detail = 'must be UTF-8 in percent-encoding';
  const [path = '', query] = url.split(/\?(.*)/s, 2);
  const parameters = (query ?? '').split('&').filter((parameter) => !isDecodable(parameter));
  const names = parameters.map((parameter) => parameter.split('=', 1)[0] ?? '');
  return [
    ...(isDecodable(path) ? [] : [{ pointer: 'path', detail }]),
    ...names
      .slice(0, 10)
      .map((name) => ({ pointer: isDecodable(name) ? childPointer('', decodeURIComponent(name)) : 'query', detail })),
  ];
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
