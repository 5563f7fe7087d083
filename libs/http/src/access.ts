import type { Caller as CallerValue, Scope } from '@app/kernel';
import { type ExecutionContext, applyDecorators, createParamDecorator, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import type { Request } from 'express';
import { onceClosed } from './once-closed.js';

/** Metadata that the guards read; a route without it is refused. */
export const ACCESS = 'rdev:access';

/** A scope that the key must have; any valid key; or no authentication. */
export type Access = Scope | 'any-key' | 'public';

/** One declaration for the guards and for the OpenAPI document, so that they cannot differ. */
const accessible = (access: Access): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(ACCESS, access), ApiExtension('x-required-scope', access));

export const Public = (): MethodDecorator & ClassDecorator => accessible('public');

/** The route requires a key with the scope. */
export const Scoped = (scope: Scope): MethodDecorator & ClassDecorator => accessible(scope);

/** The route requires a valid key with any scopes. */
export const AnyKey = (): MethodDecorator & ClassDecorator => accessible('any-key');

/** The authorization of a long-running request. */
export interface StreamLease {
  /**
   * Calls back with the reason once the key loses its access to the response.
   * @returns a function that stops the watch
   */
  watch(onLost: (reason: Error) => void): () => void;
  /** To be called when the stream has ended regularly. */
  end(): void;
}

/** The result of authenticating a request. */
export interface Grant {
  readonly caller: CallerValue;
  readonly lease: StreamLease;
}

/** Express' request with the result of the guards. */
export interface AccessedRequest extends Request {
  /** Undefined on public routes, and before authentication. */
  grant?: Grant;
}

export abstract class RequestAuthenticator {
  /** @throws {@link Unauthenticated}, or another error that refuses the key */
  abstract authenticate(request: Request): Promise<Grant>;
}

export function accessOf(reflector: Reflector, context: ExecutionContext): Access | undefined {
  return reflector.getAllAndOverride<Access | undefined>(ACCESS, [context.getHandler(), context.getClass()]);
}

/** Aborts, with the error as its reason, if the key loses its access during the request. */
export function rightLost({ grant, res }: AccessedRequest): AbortSignal {
  const controller = new AbortController();
  const stop = grant?.lease.watch((reason) => {
    controller.abort(reason);
  });
  if (res !== undefined && stop !== undefined) onceClosed(res, stop);
  return controller.signal;
}

/** The caller that the guard verified. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext): CallerValue => {
  const { grant } = context.switchToHttp().getRequest<AccessedRequest>();
  if (grant === undefined) throw new Error('The route is public and has no caller.');
  return grant.caller;
});
