import { createHash } from 'node:crypto';
import { InvalidInput, currentRequest } from '@app/kernel';
import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
  applyDecorators,
} from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { type Observable, tap } from 'rxjs';

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Stores the Idempotency-Key of a POST and the fingerprint of its body in the request context.
 * @throws {@link InvalidInput} if the key is malformed
 */
export function noteIdempotencyKey(request: Request, body: Buffer): void {
  const key = request.get('idempotency-key');
  const context = currentRequest();
  if (request.method !== 'POST' || key === undefined || context === null) return;
  if (!KEY.test(key)) {
    throw new InvalidInput([{ pointer: 'Idempotency-Key', detail: 'must be 1 to 255 visible ASCII characters' }]);
  }
  const fingerprint = createHash('sha256').update(body).digest();
  // Decoded: `/v1/projects/w%65b` and `/v1/projects/web` are the same.
  context.idempotency = { route: `POST ${decodeURIComponent(request.path)}`, key, fingerprint };
}

/** Marks a response that returns the result of an earlier request. */
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
 * A route that honours Idempotency-Key: documents the header and marks replays. Not global: with an interceptor, Nest
 * runs the handler of a stream only after it has sent the headers.
 */
export const Idempotent = (): MethodDecorator =>
  applyDecorators(
    UseInterceptors(IdempotencyInterceptor),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Executes the request at most once within 24 hours; a repeated request returns the result of the first one',
    }),
  );
