import { RateLimitGuard } from '@app/rate-limit';
import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AccessGuard } from './access.guard.js';
import { BodyGuard } from './body.guard.js';
import { ScopeGuard } from './scope.guard.js';

/**
 * What every request passes, in this order: one that lacks the scope counts against the limit of its key, and its
 * answer says what is left; the body of one that is refused is not read. Needs a {@link RequestAuthenticator}.
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
