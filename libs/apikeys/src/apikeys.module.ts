import { BodyGuard } from '@app/http';
import { RateLimitGuard } from '@app/rate-limit';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AccessGuard } from './adapters/http/access.guard.js';
import { ApiKeysController } from './adapters/http/api-keys.controller.js';
import { RefusalListener } from './adapters/http/refusal.listener.js';
import { ScopeGuard } from './adapters/http/scope.guard.js';
import { StreamTicketsController } from './adapters/http/stream-tickets.controller.js';
import { ApiKeyEntity } from './adapters/postgres/api-key.entity.js';
import { StreamTicketEntity } from './adapters/postgres/stream-ticket.entity.js';
import { PostgresApiKeyRepository } from './adapters/postgres/postgres-api-key.repository.js';
import { PostgresTicketRepository } from './adapters/postgres/postgres-ticket.repository.js';
import { ApiKeyRepository } from './application/api-key.repository.js';
import { ApiKeysService, DefaultRateLimit } from './application/api-keys.service.js';
import { Authenticator } from './application/authenticator.js';
import { Bootstrap } from './application/bootstrap.js';
import { Denials } from './application/denials.js';
import { KeyCache } from './application/key-cache.js';
import { KeyUpkeep } from './application/key-upkeep.js';
import { RightsWatch } from './application/rights-watch.js';
import { StreamTickets } from './application/stream-tickets.js';
import { TicketRepository } from './application/ticket.repository.js';

@Module({})
export class ApiKeysModule {
  /** @param defaultRateLimitRps requests per second of keys without a limit of their own; 0: no limit */
  static with(defaultRateLimitRps: number): DynamicModule {
    return {
      module: ApiKeysModule,
      imports: [TypeOrmModule.forFeature([ApiKeyEntity, StreamTicketEntity])],
      controllers: [ApiKeysController, StreamTicketsController],
      providers: [
        ApiKeysService,
        Authenticator,
        Bootstrap,
        Denials,
        KeyCache,
        KeyUpkeep,
        RefusalListener,
        RightsWatch,
        StreamTickets,
        { provide: DefaultRateLimit, useValue: defaultRateLimitRps },
        { provide: ApiKeyRepository, useClass: PostgresApiKeyRepository },
        { provide: TicketRepository, useClass: PostgresTicketRepository },
        // In this order: a request that lacks the scope counts, and its answer says what is left; none that is refused
        // is read.
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_GUARD, useClass: ScopeGuard },
        { provide: APP_GUARD, useClass: BodyGuard },
      ],
      exports: [Bootstrap],
    };
  }
}
