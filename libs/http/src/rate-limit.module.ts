import { RateLimitStore } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { FailedAttempts } from './failed-attempts.js';
import { OpenStreams } from './open-streams.js';
import { throttlerOptions, windowLimit } from './rate-limit.guard.js';

interface RateLimits {
  /** Of a key that has no limit of its own; 0: none. */
  readonly requestsPerSecond: number;
  readonly streamsPerKeyMax: number;
}

/** What holds limits: of requests and open streams by key, and of failed authentication by address. */
@Global()
@Module({})
export class RateLimitModule {
  static with({ requestsPerSecond, streamsPerKeyMax }: RateLimits): DynamicModule {
    return {
      module: RateLimitModule,
      imports: [
        ThrottlerModule.forRootAsync({
          inject: [RateLimitStore],
          useFactory: (store: RateLimitStore) => throttlerOptions(store, requestsPerSecond),
        }),
      ],
      providers: [
        { provide: FailedAttempts, useFactory: () => new FailedAttempts(windowLimit(requestsPerSecond)) },
        { provide: OpenStreams, useFactory: () => new OpenStreams(streamsPerKeyMax) },
      ],
      exports: [FailedAttempts, OpenStreams],
    };
  }
}
