import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CommandsController } from './adapters/http/commands.controller.js';
import { CommandEntity } from './adapters/postgres/command.entity.js';
import { PostgresCommandLeases } from './adapters/postgres/postgres-command-leases.js';
import { PostgresCommandRepository } from './adapters/postgres/postgres-command.repository.js';
import { CommandLeases } from './application/command-leases.js';
import { CommandRepository } from './application/command.repository.js';
import { CommandRules } from './application/command-rules.js';
import { CommandsService } from './application/commands.service.js';
import { CommandHints } from './application/hints.js';
import { InputCleanup } from './application/input-cleanup.js';
import { CommandLimits } from './application/command-limits.js';

export interface CommandsOptions {
  readonly limits: CommandLimits;
  readonly rules: CommandRules;
  /** The modules that provide projects, the queue and the places in it. */
  readonly imports: readonly DynamicModule[];
}

@Module({})
export class CommandsModule {
  static with({ limits, rules, imports }: CommandsOptions): DynamicModule {
    return {
      module: CommandsModule,
      imports: [...imports, TypeOrmModule.forFeature([CommandEntity])],
      controllers: [CommandsController],
      providers: [
        CommandsService,
        CommandHints,
        InputCleanup,
        { provide: CommandLimits, useValue: limits },
        { provide: CommandRules, useValue: rules },
        { provide: CommandRepository, useClass: PostgresCommandRepository },
        { provide: CommandLeases, useClass: PostgresCommandLeases },
      ],
      exports: [CommandsService, CommandHints, CommandLimits, CommandRepository, CommandLeases, ...imports],
    };
  }
}
