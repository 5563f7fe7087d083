import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { SystemController } from './system.controller.js';
import { Readiness, ReadinessChecks } from './readiness.js';
import { SystemSources } from './system-sources.js';

interface Made<T> {
  readonly inject: NonNullable<FactoryProvider['inject']>;
  readonly useFactory: (...parts: never[]) => T;
}

export interface HealthOptions {
  readonly imports: readonly DynamicModule[];
  readonly checks: Made<ReadinessChecks>;
  readonly sources: Made<SystemSources>;
}

@Module({})
export class HealthModule {
  static with({ imports, checks, sources }: HealthOptions): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false }), ...imports],
      controllers: [HealthController, SystemController],
      providers: [Readiness, { provide: ReadinessChecks, ...checks }, { provide: SystemSources, ...sources }],
    };
  }
}
