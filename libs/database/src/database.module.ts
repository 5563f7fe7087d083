import { Clock, Install, Notifier, Transactor } from '@app/kernel';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { ConnectionPool } from './connection-pool.js';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { DatabaseClock } from './database-clock.js';
import { InstallEntity, readInstall } from './install.js';
import { PartitionKeeper } from './partition-keeper.js';
import { PartitionStore, PartitionedTables } from './partition-store.js';
import { PreparedDatabase } from './prepared-database.js';
import { DrainedDataSource } from './drained-data-source.js';
import { DirectUrl, PostgresNotifier } from './postgres-notifier.js';
import { Replicas } from './replicas.js';
import { ServerLimits } from './server-limits.js';
import { TableOwnership } from './table-ownership.js';

export interface DatabaseOptions {
  readonly url: string;
  /** Bypasses any pooler, for LISTEN and prepared statements; equal to `url` if there is none. */
  readonly directUrl: string;
  readonly partitionedTables: PartitionedTables;
}

/**
 * Used by the queue: to admit commands, to find expired ones, and to compute positions for requests and for streams.
 */
const PREPARED_SESSIONS = 4;

/** Provides the connection pool, the transactor, the partitions and the hints between replicas. */
@Global()
@Module({})
export class DatabaseModule {
  static with({ url, directUrl, partitionedTables }: DatabaseOptions): DynamicModule {
    const isPooled = url !== directUrl;
    const options = dataSourceOptions(url, { isPooled });
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({ ...options, autoLoadEntities: true, retryAttempts: 10, retryDelay: 1_000 }),
          dataSourceFactory: (all = options) => Promise.resolve(new DrainedDataSource(all)),
        }),
        TypeOrmModule.forFeature([InstallEntity]),
      ],
      providers: [
        Database,
        ConnectionPool,
        TableOwnership,
        ...(isPooled ? [ServerLimits] : []),
        { provide: PreparedDatabase, useFactory: () => PreparedDatabase.open(directUrl, PREPARED_SESSIONS) },
        {
          provide: Clock,
          inject: [DataSource],
          useFactory: (dataSource: DataSource) => DatabaseClock.open(dataSource),
        },
        { provide: Install, inject: [Database], useFactory: readInstall },
        { provide: Transactor, useExisting: Database },
        { provide: Notifier, useClass: PostgresNotifier },
        { provide: DirectUrl, useValue: directUrl },
        { provide: PartitionedTables, useValue: partitionedTables },
        Replicas,
        PartitionStore,
        PartitionKeeper,
      ],
      exports: [
        Database,
        ConnectionPool,
        PreparedDatabase,
        Clock,
        Install,
        Transactor,
        Notifier,
        Replicas,
        PartitionStore,
        PartitionKeeper,
      ],
    };
  }
}
