import { RateLimitGuard } from '@app/rate-limit';
import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { BodyGuard } from './body.guard.js';
import { ScopeGuard } from './scope.guard.js';

/**
 * The guards of every request, in this order: a request without the scope counts against the rate limit of its key, and
 * its response reports what remains; the body of a refused request is not read. Needs a {@link RequestAuthenticator}.
 */
@Module({
  providers: [
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_GUARD, useClass: RateLimitGuard },
    { provide: APP_GUARD, useClass: ScopeGuard },
    { provide: APP_GUARD, useClass: BodyGuard },
  ],
})
export class GuardsModule {}
