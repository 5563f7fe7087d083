import { EventLog, Idempotency, Notifier, RateLimitStore, Transactor } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { EventRelay } from './event-relay.js';
import {
  EventEntity,
  EventLogHeadEntity,
  IdempotencyKeyEntity,
  PendingEventEntity,
  RateLimitHitsEntity,
} from './event.entities.js';
import { PartitionKeeper, PartitionedTables } from './partition-keeper.js';
import { PreparedDatabase } from './prepared-database.js';
import { PostgresEventLog } from './postgres-event-log.js';
import { PostgresIdempotency } from './postgres-idempotency.js';
import { DirectUrl, PostgresNotifier } from './postgres-notifier.js';
import { ServerLimits } from './server-limits.js';
import { PostgresRateLimitStore } from './postgres-rate-limit-store.js';

export interface DatabaseOptions {
  readonly url: string;
  /** Past any pooler, for LISTEN and prepared statements; the same if there is none. */
  readonly directUrl: string;
  readonly partitionedTables: PartitionedTables;
}

/** Of the queue: to admit, to find what has waited for too long, and to tell places to those who ask and to those who watch. */
const PREPARED_SESSIONS = 4;

/** The connection pool, the transactor, the event log and the hints between replicas. */
@Global()
@Module({})
export class DatabaseModule {
  static with({ url, directUrl, partitionedTables }: DatabaseOptions): DynamicModule {
    const isPooled = url !== directUrl;
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRoot({
          ...dataSourceOptions(url, { isPooled }),
          autoLoadEntities: true,
          retryAttempts: 10,
          retryDelay: 1_000,
        }),
        TypeOrmModule.forFeature([
          EventEntity,
          PendingEventEntity,
          EventLogHeadEntity,
          IdempotencyKeyEntity,
          RateLimitHitsEntity,
        ]),
      ],
      providers: [
        Database,
        ...(isPooled ? [ServerLimits] : []),
        { provide: PreparedDatabase, useFactory: () => PreparedDatabase.open(directUrl, PREPARED_SESSIONS) },
        { provide: Transactor, useExisting: Database },
        { provide: EventLog, useClass: PostgresEventLog },
        PostgresIdempotency,
        { provide: Idempotency, useExisting: PostgresIdempotency },
        { provide: Notifier, useClass: PostgresNotifier },
        {
          provide: RateLimitStore,
          inject: [DataSource],
          useFactory: (dataSource: DataSource) => new PostgresRateLimitStore(dataSource),
        },
        { provide: DirectUrl, useValue: directUrl },
        { provide: PartitionedTables, useValue: partitionedTables },
        PartitionKeeper,
        EventRelay,
      ],
      exports: [
        Database,
        PreparedDatabase,
        Transactor,
        EventLog,
        Idempotency,
        Notifier,
        RateLimitStore,
        PartitionKeeper,
      ],
    };
  }
}
