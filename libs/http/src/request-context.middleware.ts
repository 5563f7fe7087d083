import { formatTraceparent, newId, parseTraceparent, runInRequest } from '@app/kernel';
import type { NextFunction, Request, Response } from 'express';
import { inRequestSpan } from './request-span.js';

const CLIENT_ID = /^[\w.:/+=@-]{1,128}$/;

/** Assigns every request an id (the client's own, if it is well-formed), a span and a context with the actor. */
export function requestContext(request: Request, response: Response, next: NextFunction): void {
  const given = request.get('x-request-id');
  const requestId = given !== undefined && CLIENT_ID.test(given) ? given : newId('req');
  response.setHeader('X-Request-Id', requestId);
  const userAgent = request.get('user-agent')?.slice(0, 256) ?? null;
  inRequestSpan(request, response, parseTraceparent(request.get('traceparent')), (trace) => {
    const actor = { keyId: null, ip: request.ip ?? null, userAgent, requestId, traceId: null, ...trace };
    runInRequest({ requestId, traceparent: formatTraceparent(actor), actor }, next);
  });
}
