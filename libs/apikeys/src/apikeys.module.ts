import { RateLimitGuard } from '@app/http';
import { Clock, SystemClock } from '@app/kernel';
import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessGuard } from './adapters/http/access.guard.js';
import { ApiKeysController } from './adapters/http/api-keys.controller.js';
import { ScopeGuard } from './adapters/http/scope.guard.js';
import { ApiKeyEntity } from './adapters/typeorm/api-key.entity.js';
import { TypeormApiKeyRepository } from './adapters/typeorm/typeorm-api-key.repository.js';
import { ApiKeyRepository } from './application/api-key.repository.js';
import { ApiKeysService } from './application/api-keys.service.js';
import { Authenticator } from './application/authenticator.js';
import { Bootstrap } from './application/bootstrap.js';

@Module({
  imports: [TypeOrmModule.forFeature([ApiKeyEntity])],
  controllers: [ApiKeysController],
  providers: [
    ApiKeysService,
    Authenticator,
    Bootstrap,
    { provide: Clock, useClass: SystemClock },
    { provide: ApiKeyRepository, useClass: TypeormApiKeyRepository },
    // In this order: a request that lacks the scope counts, and its answer says what is left.
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_GUARD, useClass: RateLimitGuard },
    { provide: APP_GUARD, useClass: ScopeGuard },
  ],
  exports: [Bootstrap],
})
export class ApiKeysModule {}
