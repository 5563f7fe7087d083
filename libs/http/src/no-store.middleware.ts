import type { NextFunction, Request, Response } from 'express';

/** No answer may be kept: a shared cache that knows nothing of `X-API-Key` would give it to the next client. */
export function noStore(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}
