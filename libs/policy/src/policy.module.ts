import { type DynamicModule, Module } from '@nestjs/common';
import { CommandCheckController } from './adapters/http/command-check.controller.js';
import { CommandCheck } from './application/command-check.js';
import { CommandPolicy } from './domain/command-policy.js';

export interface PolicyOptions {
  readonly policy: CommandPolicy;
  /** The modules that provide projects and commands. */
  readonly imports: readonly DynamicModule[];
}

@Module({})
export class PolicyModule {
  static with({ policy, imports }: PolicyOptions): DynamicModule {
    return {
      module: PolicyModule,
      imports: [...imports],
      controllers: [CommandCheckController],
      providers: [CommandCheck, { provide: CommandPolicy, useValue: policy }],
      exports: [CommandPolicy],
    };
  }
}
