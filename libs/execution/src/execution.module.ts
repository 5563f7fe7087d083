import type { RuntimeKind } from '@app/projects';
import { Backoff } from '@app/resilience';
import { Standbys } from '@app/supervisor';
import { type DynamicModule, Module } from '@nestjs/common';
import { CommandControlController } from './adapters/http/command-control.controller.js';
import { StdinController } from './adapters/http/stdin.controller.js';
import { KubernetesCommandExecutor } from './adapters/kubernetes/kubernetes-command-executor.js';
import { LocalCommandExecutor } from './adapters/local/local-command-executor.js';
import { CommandSpans } from './adapters/opentelemetry/command-spans.js';
import { CommandMetrics, commandMetrics } from './adapters/prometheus/command-metrics.js';
import { CommandControl } from './application/command-control.js';
import { CommandExecutor } from './application/command-executor.js';
import { CommandRunner } from './application/command-runner.js';
import { ProjectCleanup } from './application/project-cleanup.js';
import { RunningCommands } from './application/running-commands.js';
import { SpoolSweeper } from './application/spool-sweeper.js';
import { StdinService } from './application/stdin.service.js';

export interface ExecutionOptions {
  readonly runtime: RuntimeKind;
  /** How long a project that was used has something ready for its next command; 0: never. */
  readonly standbySeconds: number;
  /** The modules that provide projects, the runtime's platform, commands, their output and the policy. */
  readonly imports: readonly DynamicModule[];
}

@Module({})
export class ExecutionModule {
  static with({ runtime, standbySeconds, imports }: ExecutionOptions): DynamicModule {
    const executor = runtime === 'local' ? LocalCommandExecutor : KubernetesCommandExecutor;
    return {
      module: ExecutionModule,
      imports: [...imports],
      controllers: [CommandControlController, StdinController],
      providers: [
        CommandControl,
        StdinService,
        CommandRunner,
        RunningCommands,
        CommandMetrics,
        CommandSpans,
        ...commandMetrics,
        ProjectCleanup,
        SpoolSweeper,
        { provide: Backoff, useValue: new Backoff(50, 5_000) },
        { provide: Standbys, useValue: new Standbys(standbySeconds) },
        { provide: CommandExecutor, useClass: executor },
      ],
      exports: [RunningCommands, CommandExecutor],
    };
  }
}
