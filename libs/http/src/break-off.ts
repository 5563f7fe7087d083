import type { ServerResponse } from 'node:http';

/**
 * Ends an answer that has begun so that no client takes it for whole. With a length or in chunks an early close says
 * that, and loses nothing that was written. HTTP/1.0, which proxies such as nginx speak unless told otherwise, has
 * neither: there a close is the end, and only a reset is not.
 */
export function breakOff(response: ServerResponse): void {
  const isFramed = response.chunkedEncoding || response.hasHeader('content-length');
  if (!isFramed) response.socket?.resetAndDestroy();
  response.destroy();
}
