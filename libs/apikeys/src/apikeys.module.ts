import { CacheMetrics } from '@app/metrics';
import { RequestAuthenticator } from '@app/http';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ApiKeysController } from './adapters/http/api-keys.controller.js';
import { KeyAuthenticator } from './adapters/http/key-authenticator.js';
import { StreamTicketsController } from './adapters/http/stream-tickets.controller.js';
import { ApiKeyEntity } from './adapters/postgres/api-key.entity.js';
import { StreamTicketEntity } from './adapters/postgres/stream-ticket.entity.js';
import { PostgresApiKeyRepository } from './adapters/postgres/postgres-api-key.repository.js';
import { PostgresTicketRepository } from './adapters/postgres/postgres-ticket.repository.js';
import { ApiKeyRepository } from './application/api-key.repository.js';
import { ApiKeysService, DefaultRateLimit } from './application/api-keys.service.js';
import { Authenticator } from './application/authenticator.js';
import { Bootstrap } from './application/bootstrap.js';
import { KeyCache } from './application/key-cache.js';
import { KeyUpkeep } from './application/key-upkeep.js';
import { RightsWatch } from './application/rights-watch.js';
import { StreamTickets } from './application/stream-tickets.js';
import { TicketRepository } from './application/ticket.repository.js';

/** Global because the guards need its authenticator. */
@Global()
@Module({})
export class ApiKeysModule {
  constructor(cache: KeyCache, metrics: CacheMetrics) {
    metrics.add('keys', cache);
  }

  /** @param defaultRateLimitRps requests per second of keys without their own limit; 0: no limit */
  static with(defaultRateLimitRps: number): DynamicModule {
    return {
      module: ApiKeysModule,
      imports: [TypeOrmModule.forFeature([ApiKeyEntity, StreamTicketEntity])],
      controllers: [ApiKeysController, StreamTicketsController],
      providers: [
        ApiKeysService,
        Authenticator,
        Bootstrap,
        KeyCache,
        KeyUpkeep,
        RightsWatch,
        StreamTickets,
        { provide: DefaultRateLimit, useValue: defaultRateLimitRps },
        { provide: ApiKeyRepository, useClass: PostgresApiKeyRepository },
        { provide: TicketRepository, useClass: PostgresTicketRepository },
        { provide: RequestAuthenticator, useClass: KeyAuthenticator },
      ],
      exports: [Bootstrap, RequestAuthenticator],
    };
  }
}
