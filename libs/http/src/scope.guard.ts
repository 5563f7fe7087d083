import { hasScope, InsufficientScope, Unauthenticated } from '@app/kernel';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { type AccessedRequest, accessOf } from './access.js';

/** Checks that the key has the scope that the route requires. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const access = accessOf(this.reflector, context);
    if (access === 'public') return true;
    const { grant } = context.switchToHttp().getRequest<AccessedRequest>();
    if (access === undefined || grant === undefined) throw new Unauthenticated();
    if (access !== 'any-key' && !hasScope(grant.caller, access)) throw new InsufficientScope(access);
    return true;
  }
}
