import type { Request } from 'express';
import { rightLost } from './access.js';
import { onceClosed } from './once-closed.js';

/**
 * Aborts when the response is no longer wanted: the client has disconnected, its key has lost the right, or the process
 * is about to stop.
 */
export function clientLeft(request: Request, stopping: AbortSignal): AbortSignal {
  const controller = new AbortController();
  if (request.res !== undefined) {
    onceClosed(request.res, () => {
      controller.abort();
    });
  }
  return AbortSignal.any([controller.signal, stopping, rightLost(request)]);
}
