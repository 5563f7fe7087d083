import { PreparedDatabase } from '@app/database';
import type { RuntimeKind } from '@app/projects';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CommandEventsController } from './adapters/http/command-events.controller.js';
import { CommandCheckController } from './adapters/http/command-check.controller.js';
import { CommandsController } from './adapters/http/commands.controller.js';
import { OutputController } from './adapters/http/output.controller.js';
import { StdinController } from './adapters/http/stdin.controller.js';
import { KubernetesCommandExecutor } from './adapters/kubernetes/kubernetes-command-executor.js';
import { LocalCommandExecutor } from './adapters/local/local-command-executor.js';
import { CommandMetrics, commandMetrics } from './adapters/prometheus/command-metrics.js';
import { CommandEntity, CommandOutputEntity } from './adapters/typeorm/command.entity.js';
import {
  AdmissionRoundEntity,
  QueueLaneEntity,
  QueuePauseEntity,
  QueuedCommandEntity,
} from './adapters/typeorm/queue.entities.js';
import { TypeormCommandQueue } from './adapters/typeorm/typeorm-command-queue.js';
import { TypeormCommandRepository } from './adapters/typeorm/typeorm-command.repository.js';
import { TypeormOutputLedger } from './adapters/typeorm/typeorm-output-ledger.js';
import { CommandCheck } from './application/command-check.js';
import { CommandExecutor } from './application/command-executor.js';
import { CommandQueue } from './application/command-queue.js';
import { CommandRepository } from './application/command.repository.js';
import { SpoolSweeper } from './application/spool-sweeper.js';
import { CommandRunner } from './application/command-runner.js';
import { CommandsService } from './application/commands.service.js';
import { CommandHints } from './application/hints.js';
import { CommandLimits } from './application/limits.js';
import { OutputLedger } from './application/output-ledger.js';
import { OutputService } from './application/output.service.js';
import { ProjectCleanup } from './application/project-cleanup.js';
import { QueuePlaces } from './application/queue-places.js';
import { RunningCommands } from './application/running-commands.js';
import { StdinService } from './application/stdin.service.js';
import { CommandPolicy } from './domain/command-policy.js';

export interface CommandsOptions {
  readonly runtime: RuntimeKind;
  readonly limits: CommandLimits;
  readonly policy: CommandPolicy;
  /** The modules that bring projects and the runtime's platform. */
  readonly imports: readonly DynamicModule[];
}

const ENTITIES = [
  CommandEntity,
  CommandOutputEntity,
  QueuedCommandEntity,
  QueueLaneEntity,
  QueuePauseEntity,
  AdmissionRoundEntity,
];

@Module({})
export class CommandsModule {
  static with({ runtime, limits, policy, imports }: CommandsOptions): DynamicModule {
    const executor = runtime === 'local' ? LocalCommandExecutor : KubernetesCommandExecutor;
    return {
      module: CommandsModule,
      imports: [...imports, TypeOrmModule.forFeature(ENTITIES)],
      controllers: [
        CommandsController,
        CommandCheckController,
        CommandEventsController,
        OutputController,
        StdinController,
      ],
      providers: [
        CommandsService,
        CommandCheck,
        OutputService,
        StdinService,
        CommandRunner,
        RunningCommands,
        CommandHints,
        QueuePlaces,
        CommandMetrics,
        ...commandMetrics,
        ProjectCleanup,
        SpoolSweeper,
        { provide: CommandLimits, useValue: limits },
        { provide: CommandPolicy, useValue: policy },
        { provide: CommandRepository, useClass: TypeormCommandRepository },
        {
          provide: CommandQueue,
          inject: [PreparedDatabase, CommandLimits],
          useFactory: (database: PreparedDatabase, limits: CommandLimits) => new TypeormCommandQueue(database, limits),
        },
        { provide: OutputLedger, useClass: TypeormOutputLedger },
        { provide: CommandExecutor, useClass: executor },
      ],
      exports: [CommandsService, CommandHints, RunningCommands, CommandExecutor],
    };
  }
}
