import { ACCESS, type Access, type AuthenticatedRequest, FailedAttempts } from '@app/http';
import { currentRequest } from '@app/kernel';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Authenticator } from '../../application/authenticator.js';
import { Unauthenticated } from '../../domain/api-key.errors.js';

/** Global: a route says by a decorator who may call it, and one that says nothing cannot be called. Finds out who calls. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly failedAttempts: FailedAttempts,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, targets);
    if (access === 'public') return true;
    if (access === undefined) throw new Unauthenticated();
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const caller = await this.failedAttempts.watch(request, () =>
      this.authenticator.authenticate(keyOf(request), request.ip ?? null),
    );
    request.caller = caller;
    const current = currentRequest();
    if (current !== null) current.actor = { ...current.actor, keyId: caller.keyId };
    return true;
  }
}

function keyOf(request: AuthenticatedRequest): string | null {
  const bearer = /^Bearer +(\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
  return bearer ?? request.get('x-api-key') ?? null;
}
