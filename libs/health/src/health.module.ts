import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';
import { SystemController } from './system.controller.js';
import { Readiness, ReadinessChecks } from './readiness.js';

export interface HealthOptions {
  readonly imports: readonly DynamicModule[];
  readonly inject: NonNullable<FactoryProvider['inject']>;
  readonly useFactory: (...parts: never[]) => ReadinessChecks;
}

@Module({})
export class HealthModule {
  static with({ imports, inject, useFactory }: HealthOptions): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false }), ...imports],
      controllers: [HealthController, SystemController],
      providers: [Readiness, { provide: ReadinessChecks, inject, useFactory }],
    };
  }
}
