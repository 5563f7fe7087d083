import { CommandExecutor } from '@app/execution';
import { PreparedDatabase } from '@app/database';
import { type DynamicModule, Module } from '@nestjs/common';
import { QueueController } from './adapters/http/queue.controller.js';
import { QueueMetrics, queueMetrics } from './adapters/prometheus/queue-metrics.js';
import { PostgresAdmission } from './adapters/postgres/postgres-admission.js';
import { PostgresQueueRepository } from './adapters/postgres/postgres-queue.repository.js';
import { Admission } from './application/admission.js';
import { Dispatcher } from './application/dispatcher.js';
import { QueueLimits } from './application/queue-limits.js';
import { QueueRepository } from './application/queue.repository.js';
import { QueueService } from './application/queue.service.js';

export interface QueueOptions {
  readonly limits: QueueLimits;
  /** The modules that provide projects and commands. */
  readonly imports: readonly DynamicModule[];
}

@Module({})
export class QueueModule {
  static with({ limits, imports }: QueueOptions): DynamicModule {
    return {
      module: QueueModule,
      imports: [...imports],
      controllers: [QueueController],
      providers: [
        Dispatcher,
        QueueService,
        QueueMetrics,
        ...queueMetrics,
        {
          provide: Admission,
          inject: [PreparedDatabase, QueueLimits, CommandExecutor],
          useFactory: (database: PreparedDatabase, limits: QueueLimits, executor: CommandExecutor) =>
            new PostgresAdmission(database, limits, executor),
        },
        { provide: QueueRepository, useClass: PostgresQueueRepository },
        { provide: QueueLimits, useValue: limits },
      ],
    };
  }
}
