import { type TraceContext, maskSecrets } from '@app/kernel';
import { startServerSpan, traceContextOf, withSpan } from '@app/tracing';
import { type Span, SpanStatusCode } from '@opentelemetry/api';
import type { Request, Response } from 'express';

/** Names of a request's method; a client can send any word. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Probes would be most of all traces. */
const NOT_TRACED = /^\/(health|ready)(\/|\?|$)/;

/** A path that matches no route can be as long as all headers; thousands of spans wait for their export. */
const PATH_CHARS_MAX = 1_024;

const traceIds = new WeakMap<object, string>();

/** The trace in which the request is recorded; null: it is not. */
export function requestTraceId(response: object): string | null {
  return traceIds.get(response) ?? null;
}

/** The template, since paths contain unbounded ids. One with a star is middleware for all requests and not a route. */
export function routeTemplate(request: Request): string | null {
  const { path } = (request.route ?? {}) as { path?: unknown };
  return typeof path === 'string' && !path.includes('*') ? path : null;
}

/**
 * Runs the work of a request in its span, which ends with the response. The query is not recorded: it can contain a
 * ticket.
 * @param work receives the trace context that it hands on
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
export function inRequestSpan(
  request: Request,
  response: Response,
  parent: TraceContext | null,
  work: (trace: TraceContext | null) => void,
): void {
  const method = METHODS.has(request.method) ? request.method : '_OTHER';
  const span = NOT_TRACED.test(request.url) ? null : startServerSpan(parent, method);
  if (span === null) {
    work(parent);
    return;
  }
  if (span.isRecording()) traceIds.set(response, span.spanContext().traceId);
  response.once('close', () => {
    describe(span, request, response, method);
    span.end();
  });
  withSpan(span, () => {
    work(traceContextOf(span));
  });
}

function describe(span: Span, request: Request, response: Response, method: string): void {
  if (!span.isRecording()) return;
  const route = routeTemplate(request);
  const { statusCode } = response;
  if (route !== null) span.updateName(`${method} ${route}`).setAttribute('http.route', route);
  span.setAttributes({
    'http.request.method': method,
    'http.response.status_code': statusCode,
    'url.path': maskSecrets(request.originalUrl.split('?', 1)[0] ?? '').slice(0, PATH_CHARS_MAX),
    'url.scheme': request.protocol,
    'client.address': request.ip,
    'network.protocol.version': request.httpVersion,
    'user_agent.original': request.get('user-agent')?.slice(0, 256),
  });
  if (statusCode < 500) return;
  span.setAttribute('error.type', String(statusCode)).setStatus({ code: SpanStatusCode.ERROR });
}
