import { RateLimitStore } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { FailedAttempts } from './failed-attempts.js';
import { throttlerOptions, windowLimit } from './rate-limit.guard.js';

/** What the guards need to hold limits: of requests by key, and of failed authentication by address. */
@Global()
@Module({})
export class RateLimitModule {
  static with({ requestsPerSecond }: { readonly requestsPerSecond: number }): DynamicModule {
    return {
      module: RateLimitModule,
      imports: [
        ThrottlerModule.forRootAsync({
          inject: [RateLimitStore],
          useFactory: (store: RateLimitStore) => throttlerOptions(store, requestsPerSecond),
        }),
      ],
      providers: [{ provide: FailedAttempts, useFactory: () => new FailedAttempts(windowLimit(requestsPerSecond)) }],
      exports: [FailedAttempts],
    };
  }
}
