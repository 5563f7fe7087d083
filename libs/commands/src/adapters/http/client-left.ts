import type { Request } from 'express';

/** Aborts when the client's connection is gone, or the process is going to stop. */
export function clientLeft(request: Request, stopping: AbortSignal): AbortSignal {
  const controller = new AbortController();
  request.res?.once('close', () => {
    controller.abort();
  });
  return AbortSignal.any([controller.signal, stopping]);
}
