import { traced } from '@app/tracing';
import type { ApiRequest } from './kubernetes-transport.js';

/**
 * Does the work as the span of a call of the API.
 * @param work receives a function that notes the status of the response
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
export function tracedCall<T>(
  { method = 'GET', path }: Pick<ApiRequest, 'method' | 'path'>,
  work: (note: (status: number) => void) => Promise<T>,
): Promise<T> {
  const attributes = { 'http.request.method': method, 'url.path': path.split('?', 1)[0] ?? '' };
  return traced(`kubernetes ${method}`, attributes, (span) =>
    work((status) => {
      span?.setAttribute('http.response.status_code', status);
    }),
  );
}
