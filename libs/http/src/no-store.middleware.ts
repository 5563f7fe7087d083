import type { NextFunction, Request, Response } from 'express';

/** Prevents caching: a shared cache that ignores `X-API-Key` would serve responses to other clients. */
export function noStore(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}
