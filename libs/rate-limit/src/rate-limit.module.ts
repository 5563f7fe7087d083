import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { FailedAttempts } from './failed-attempts.js';
import { PostgresRateLimitStore } from './postgres-rate-limit-store.js';
import { RateLimitHitsEntity } from './rate-limit-hits.entity.js';
import { throttlerOptions, windowLimit } from './rate-limit.guard.js';

/** Limits requests by key, and failed authentication by address. */
@Global()
@Module({})
export class RateLimitModule {
  /** @param requestsPerSecond limit of keys without their own; 0: none */
  static with(requestsPerSecond: number): DynamicModule {
    return {
      module: RateLimitModule,
      imports: [
        TypeOrmModule.forFeature([RateLimitHitsEntity]),
        ThrottlerModule.forRootAsync({
          inject: [DataSource],
          useFactory: (dataSource: DataSource) =>
            throttlerOptions(new PostgresRateLimitStore(dataSource), requestsPerSecond),
        }),
      ],
      providers: [{ provide: FailedAttempts, useFactory: () => new FailedAttempts(windowLimit(requestsPerSecond)) }],
      exports: [FailedAttempts],
    };
  }
}
