import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { type PartitionedTable, boundAt, boundLiteral, endOf, isExpired, neededPartitions } from './partitions.js';

export type PartitionedTables = readonly PartitionedTable[];
export const PartitionedTables = Symbol('PartitionedTables');

const INTERVAL_MS = 3_600_000;
const PARTITION_LOCK = 7_236_871;

/** Makes the partitions of the days to come and drops those past their retention. */
@Injectable()
export class PartitionKeeper implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger(PartitionKeeper.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(PartitionedTables) private readonly tables: PartitionedTables,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.keep(new Date());
    this.timer = setInterval(() => {
      this.keep(new Date()).catch((error: unknown) => {
        this.logger.error({ err: error }, 'The partitions could not be kept');
      });
    }, INTERVAL_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** One round, by the given time. Replicas take turns. */
  async keep(now: Date): Promise<void> {
    for (const table of this.tables) {
      // One transaction a table, as each locks its table against readers for a moment.
      await this.dataSource.transaction((manager) => this.keepTable(table, now, manager));
    }
  }

  private async keepTable(table: PartitionedTable, now: Date, manager: EntityManager): Promise<void> {
    await manager.query('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
    const existing = await this.existing(table.table, manager);
    for (const { name, from, to } of neededPartitions(table, now)) {
      if (existing.includes(name)) continue;
      const bounds = `FROM (${boundLiteral(table, from)}) TO (${boundLiteral(table, to)})`;
      await manager.query(`CREATE TABLE ${name} PARTITION OF ${table.table} FOR VALUES ${bounds}`);
    }
    for (const name of existing.filter((candidate) => isExpired(table, candidate, now))) {
      if (await this.isInUse(table, name, manager)) continue;
      await manager.query(`DROP TABLE ${name}`);
      this.logger.log({ partition: name }, 'Dropped a partition past its retention');
    }
  }

  /** A command that has run for longer than the retention keeps its partition. */
  private async isInUse(table: PartitionedTable, name: string, manager: EntityManager): Promise<boolean> {
    const end = endOf(table, name);
    if (table.inUse === undefined || end === null) return false;
    const rows: unknown[] = await manager.query(table.inUse, [boundAt(table, end)]);
    return rows.length > 0;
  }

  private async existing(table: string, manager: EntityManager): Promise<string[]> {
    const rows: { name: string }[] = await manager.query(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = to_regclass($1)`,
      [table],
    );
    return rows.map(({ name }) => name);
  }
}
