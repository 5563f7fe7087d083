import { CommandQueue, QueuePlaces } from '@app/commands';
import { PreparedDatabase } from '@app/database';
import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { PostgresCommandQueue } from './adapters/postgres/postgres-command-queue.js';
import { PostgresPlaceRepository } from './adapters/postgres/postgres-place.repository.js';
import {
  AdmissionRoundEntity,
  QueueLaneEntity,
  QueuePauseEntity,
  QueuedCommandEntity,
} from './adapters/postgres/queue.entities.js';
import { PlaceRepository } from './application/place.repository.js';
import type { QueueLimits } from './application/queue-limits.js';
import { SharedQueuePlaces } from './application/shared-queue-places.js';

/** The parts of the queue that commands need: the queue itself and the places in it. */
@Module({})
export class EnqueuingModule {
  static with({ runningPerProjectMax }: QueueLimits): DynamicModule {
    return {
      module: EnqueuingModule,
      imports: [
        TypeOrmModule.forFeature([AdmissionRoundEntity, QueueLaneEntity, QueuePauseEntity, QueuedCommandEntity]),
      ],
      providers: [
        { provide: CommandQueue, useClass: PostgresCommandQueue },
        {
          provide: PlaceRepository,
          inject: [PreparedDatabase],
          useFactory: (database: PreparedDatabase) => new PostgresPlaceRepository(database, runningPerProjectMax),
        },
        { provide: QueuePlaces, useClass: SharedQueuePlaces },
      ],
      exports: [CommandQueue, QueuePlaces],
    };
  }
}
