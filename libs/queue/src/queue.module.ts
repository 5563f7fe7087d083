import { CommandExecutor } from '@app/commands';
import { PreparedDatabase } from '@app/database';
import { type DynamicModule, Module } from '@nestjs/common';
import { QueueController } from './adapters/http/queue.controller.js';
import { QueueMetrics, queueMetrics } from './adapters/prometheus/queue-metrics.js';
import { TypeormAdmission } from './adapters/typeorm/typeorm-admission.js';
import { TypeormQueueRepository } from './adapters/typeorm/typeorm-queue.repository.js';
import { Admission } from './application/admission.js';
import { Dispatcher } from './application/dispatcher.js';
import { QueueLimits } from './application/queue-limits.js';
import { QueueRepository } from './application/queue.repository.js';
import { QueueService } from './application/queue.service.js';

export interface QueueOptions {
  readonly limits: QueueLimits;
  /** The modules that bring projects and commands. */
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
            new TypeormAdmission(database, limits, executor),
        },
        { provide: QueueRepository, useClass: TypeormQueueRepository },
        { provide: QueueLimits, useValue: limits },
      ],
    };
  }
}
