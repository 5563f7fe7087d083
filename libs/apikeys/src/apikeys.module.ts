import { Clock, SystemClock } from '@app/kernel';
import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessGuard } from './adapters/http/access.guard.js';
import { ApiKeysController } from './adapters/http/api-keys.controller.js';
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
    { provide: APP_GUARD, useClass: AccessGuard },
  ],
  exports: [Bootstrap],
})
export class ApiKeysModule {}
