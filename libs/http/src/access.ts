import type { Caller as CallerValue, Scope } from '@app/kernel';
import { type ExecutionContext, applyDecorators, createParamDecorator, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
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

/** The right of a request that goes on for long. */
export interface StreamLease {
  /**
   * Calls back, with the reason, once the key loses its right to what is being answered. Returns what stops the watch.
   */
  watch(onLost: (reason: Error) => void): () => void;
  /** What is streamed has come to its own end. */
  end(): void;
}

/** What authentication found out about a request. */
export interface Grant {
  readonly caller: CallerValue;
  readonly lease: StreamLease;
}

/** Of Express, with what the guards learn. */
export interface AccessedRequest extends Request {
  /** Undefined on public routes, and before authentication. */
  grant?: Grant;
}

/** Finds out who calls. */
export abstract class RequestAuthenticator {
  /** @throws {@link Unauthenticated}, or another refusal of the key */
  abstract authenticate(request: Request): Promise<Grant>;
}

export function accessOf(reflector: Reflector, context: ExecutionContext): Access | undefined {
  return reflector.getAllAndOverride<Access | undefined>(ACCESS, [context.getHandler(), context.getClass()]);
}

/** Aborts, with the error as its reason, when the key loses its right while the request is being answered. */
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
