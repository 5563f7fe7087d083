import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

/** Bodies are JSON; any other type is refused rather than silently ignored. */
export function jsonOnly(request: Request, _response: Response, next: NextFunction): void {
  const hasBody = Number(request.get('content-length') ?? 0) > 0 || request.get('transfer-encoding') !== undefined;
  if (!hasBody || request.is(['application/json', 'application/merge-patch+json']) !== false) next();
  else next(new UnsupportedMediaTypeException('The body must be application/json.'));
}
