import { Unauthenticated } from '@app/kernel';
import { FailedAttempts } from '@app/rate-limit';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type AccessedRequest, RequestAuthenticator, accessOf } from './access.js';

/** Authenticates the request as the decorator of its route requires. A route without such a decorator is refused. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: RequestAuthenticator,
    private readonly failedAttempts: FailedAttempts,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = accessOf(this.reflector, context);
    if (access === 'public') return true;
    if (access === undefined) throw new Unauthenticated();
    const request = context.switchToHttp().getRequest<AccessedRequest>();
    request.grant = await this.failedAttempts.watch(request, () => this.authenticator.authenticate(request));
    return true;
  }
}
