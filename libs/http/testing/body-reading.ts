import type { Caller } from '@app/kernel';
import type { CanActivate, ExecutionContext, Provider } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { AccessedRequest } from '../src/access.js';
import { BodyBudget, type BodyLimits } from '../src/body-budget.js';
import { BodyGuard } from '../src/body.guard.js';

/** Replaces authentication: the caller is the key in `X-API-Key`; without it there is none. */
export const asCaller: CanActivate = {
  canActivate: (context: ExecutionContext): boolean => {
    const request = context.switchToHttp().getRequest<AccessedRequest>();
    const keyId = request.get('x-api-key');
    if (keyId === undefined) return true;
    const caller: Caller = { keyId, scopes: ['admin'], projects: null, rateLimitRps: null };
    request.grant = { caller, lease: { watch: () => () => undefined, end: () => undefined } };
    return true;
  },
};

/** The guard that reads bodies, after the given authentication. */
export function bodyReading(authentication: CanActivate, limits?: Partial<BodyLimits>): Provider[] {
  return [
    { provide: BodyBudget, useFactory: () => new BodyBudget(limits) },
    { provide: APP_GUARD, useValue: authentication },
    { provide: APP_GUARD, useClass: BodyGuard },
  ];
}
