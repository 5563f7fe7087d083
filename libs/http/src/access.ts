import type { Caller as CallerValue, Scope } from '@app/kernel';
import { type ExecutionContext, applyDecorators, createParamDecorator, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Request } from 'express';
import { onceClosed } from './once-closed.js';

/** Metadata that the guards read; a route without any is refused. */
export const ACCESS = 'rdev:access';

/** A scope that the key must have; any valid key; or nobody needs to authenticate. */
export type Access = Scope | 'any-key' | 'public';

/** One word for the guards and for the description of the API, so that neither can say something else. */
const accessible = (access: Access): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(ACCESS, access), ApiExtension('x-required-scope', access));

/** The route can be called without a key. */
export const Public = (): MethodDecorator & ClassDecorator => accessible('public');

/** The route needs a key with that scope. */
export const Scoped = (scope: Scope): MethodDecorator & ClassDecorator => accessible(scope);

/** The route needs a valid key, whatever its scopes. */
export const AnyKey = (): MethodDecorator & ClassDecorator => accessible('any-key');

export interface AuthenticatedRequest extends Request {
  caller?: CallerValue;
  /** Calls back, with the reason, once the key loses its right to what is being answered; returns what stops the watch. */
  watchRight?: (onLost: (reason: Error) => void) => () => void;
  /** Runs when what is streamed has come to its own end. */
  onStreamEnd?: () => void;
}

/** Aborts, with the error as its reason, when the key loses its right while the request is being answered. */
export function rightLost(request: AuthenticatedRequest): AbortSignal {
  const controller = new AbortController();
  const stop = request.watchRight?.((reason) => {
    controller.abort(reason);
  });
  if (request.res !== undefined && stop !== undefined) onceClosed(request.res, stop);
  return controller.signal;
}

/** The caller that the guard verified. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext): CallerValue => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (caller === undefined) throw new Error('The route is public and has no caller.');
  return caller;
});
