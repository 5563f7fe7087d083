import { ACCESS, type Access, type AuthenticatedRequest } from '@app/http';
import { hasScope } from '@app/kernel';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { InsufficientScope, Unauthenticated } from '../../domain/api-key.errors.js';

/** Global, behind authentication and the rate limit: looks whether the key has the scope that the route needs. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, targets);
    if (access === 'public') return true;
    const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (access === undefined || caller === undefined) throw new Unauthenticated();
    if (access !== 'any-key' && !hasScope(caller, access)) throw new InsufficientScope(access);
    return true;
  }
}
