import { Clock } from '@app/kernel';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Database } from './database.js';
import { CLOCK_DIFFERENCE_MAX_MS } from './database-clock.js';
import { isBlocked, isRefused } from './errors.js';
import { PartitionStore } from './partition-store.js';
import {
  type PartitionedTable,
  boundAt,
  isExpired,
  keptSince,
  neededPartitions,
  partitionNamed,
} from './partitions.js';

const INTERVAL_MS = 3_600_000;

/** Creates upcoming partitions and drops those past their retention, by the time that replicas share. */
@Injectable()
export class PartitionKeeper implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(PartitionKeeper.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    private readonly partitions: PartitionStore,
    private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.keep();
    this.timer = setInterval(() => {
      this.keep().catch((error: unknown) => {
        this.logger.error({ err: error }, 'The partitions could not be kept');
      });
    }, INTERVAL_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** One round. */
  async keep(): Promise<void> {
    const now = this.clock.now();
    for (const table of this.partitions.tables) await this.partitions.create(table, neededPartitions(table, now));
    if (this.isTimeInDoubt()) return;
    for (const table of this.partitions.tables) await this.dropExpired(table, now);
  }

  /** If the clocks differ, it is unknown which is wrong, and a drop cannot be undone. */
  private isTimeInDoubt(): boolean {
    const { differenceMs } = this.clock;
    const isInDoubt = Math.abs(differenceMs) > CLOCK_DIFFERENCE_MAX_MS;
    if (isInDoubt)
      this.logger.warn({ differenceMs }, 'No partition is dropped while this clock and that of the database differ');
    return isInDoubt;
  }

  private async dropExpired(table: PartitionedTable, now: Date): Promise<void> {
    // Oldest first: their names contain their time.
    const names = (await this.partitions.names(table)).sort();
    try {
      for (const name of names.filter((candidate) => isExpired(table, candidate, now)))
        if (!(await this.isInUse(table, name, now))) await this.partitions.drop(table, name);
    } catch (error) {
      if (isBlocked(error))
        this.logger.log(
          { table: table.table },
          'A partition past its retention is being read: the next round drops it',
        );
      else if (isRefused(error))
        this.logger.warn(`A partition past its retention is kept: ${(error as Error).message}`);
      else throw error;
    }
  }

  /** A long-running command keeps its partitions until it has ended and the retention has passed since. */
  private async isInUse(table: PartitionedTable, name: string, now: Date): Promise<boolean> {
    const span = partitionNamed(table, name);
    if (table.inUse === undefined || span === null) return false;
    const parameters = [boundAt(table, span.from), boundAt(table, span.to), keptSince(table, now)];
    return (await this.database.query(table.inUse, parameters)).length > 0;
  }
}
