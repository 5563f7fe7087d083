import type { Response } from 'express';

/** HEAD is complete with the headers: reading on would delay the next request of its connection. */
export function endHead(response: Response): boolean {
  if (response.req.method !== 'HEAD') return false;
  response.end();
  return true;
}

/** Resolves once the kernel has the data: what this process still buffers is lost when the connection is reset. */
export function writeTo(response: Response, data: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (data.length === 0 || signal.aborted) {
      resolve();
      return;
    }
    signal.addEventListener('abort', done);
    response.write(data, done);
  });
}
