import type { ServerResponse } from 'node:http';

/**
 * Aborts a response that has begun so that no client takes it for complete. With a content length or chunks, an early
 * close does that and loses no written data. HTTP/1.0, the default of proxies such as nginx, has neither: there a close
 * is the regular end, so the connection is reset.
 */
export function breakOff(response: ServerResponse): void {
  const isFramed = response.chunkedEncoding || response.hasHeader('content-length');
  if (!isFramed) response.socket?.resetAndDestroy();
  response.destroy();
}
