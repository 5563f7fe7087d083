import { createHash } from 'node:crypto';
import { InvalidInput, currentRequest } from '@app/kernel';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  type RawBodyRequest,
  UseInterceptors,
  applyDecorators,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';
import { type Observable, tap } from 'rxjs';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** Notes the Idempotency-Key of a POST and the fingerprint of its raw body, behind the body parser. */
export function idempotencyKey(request: RawBodyRequest<Request>, _response: Response, next: NextFunction): void {
  const key = request.get('idempotency-key');
  const context = currentRequest();
  if (request.method !== 'POST' || key === undefined || context === null) {
    next();
    return;
  }
  if (!KEY.test(key)) {
    next(new InvalidInput([{ pointer: 'Idempotency-Key', detail: 'must be 1 to 255 visible ASCII characters' }]));
    return;
  }
  const fingerprint = createHash('sha256')
    .update(request.rawBody ?? '')
    .digest();
  context.idempotency = { route: `POST ${request.path}`, key, fingerprint };
  next();
}

/** Says of an answer that an earlier request made what it shows. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const response = context.switchToHttp().getResponse<Response>();
    return next.handle().pipe(
      tap(() => {
        if (currentRequest()?.isReplay === true && !response.headersSent)
          response.setHeader('Idempotency-Replayed', 'true');
      }),
    );
  }
}

/**
 * A route that creates: documents the header, and says when an answer is a replay. Not global: with an interceptor Nest
 * runs the handler of a stream only after it has sent the headers.
 */
export const Idempotent = (): MethodDecorator =>
  applyDecorators(
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'Creates at most once within 24 hours; a repeated request gets what the first one made',
    }),
  );
