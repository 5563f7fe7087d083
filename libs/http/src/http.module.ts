import { StreamRoutes } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { BodyBudget } from './body-budget.js';
import { EventStreams } from './event-streams.js';
import { OpenStreams } from './open-streams.js';
import { ProblemFilter } from './problem.filter.js';
import { PublicUrl } from './public-url.js';
import { Shutdown } from './shutdown.js';
import { InputPipe } from './validation.pipe.js';

export interface HttpOptions {
  /** URL by which clients reach the API; null: unknown. */
  readonly publicUrl: string | null;
  readonly streamsPerKeyMax: number;
}

/**
 * Shared by all routes: problem+json, validation, limits for bodies and open streams, the shutdown signal of streams,
 * the list of streams, and the public URL.
 */
@Global()
@Module({})
export class HttpModule {
  static with({ publicUrl, streamsPerKeyMax }: HttpOptions): DynamicModule {
    return {
      module: HttpModule,
      providers: [
        EventStreams,
        Shutdown,
        StreamRoutes,
        { provide: PublicUrl, useValue: new PublicUrl(publicUrl) },
        { provide: BodyBudget, useFactory: () => new BodyBudget() },
        { provide: OpenStreams, useFactory: () => new OpenStreams(streamsPerKeyMax) },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useClass: InputPipe },
      ],
      exports: [EventStreams, Shutdown, StreamRoutes, PublicUrl, BodyBudget, OpenStreams],
    };
  }
}
