import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { type Partition, type PartitionedTable, boundLiteral, partitionAt, timeOf } from './partitions.js';
import { LOCKS } from './locks.js';

export type PartitionedTables = readonly PartitionedTable[];
export const PartitionedTables = Symbol('PartitionedTables');

/** An autovacuum in the way is ended after 1 s. */
const LOCK_TIMEOUT_MS = 2_000;
/** What names have room for. */
const YEAR_MAX = 9999;
/** "no partition of relation … found for row" is a check violation without a constraint. */
const CHECK_VIOLATION = '23514';
/** "Partition key of the failing row contains (command_id) = (cmd_01…)." */
const KEY_VALUE = /\(([^)]+)\) = \(([^)]+)\)/;

/** The partitions as they are in the database. Replicas take turns to change them. */
@Injectable()
export class PartitionStore {
  private readonly logger = new Logger(PartitionStore.name);

  constructor(
    private readonly dataSource: DataSource,
    @Inject(PartitionedTables) readonly tables: PartitionedTables,
  ) {}

  /** The names of those that are there. */
  async names({ table }: PartitionedTable, manager: EntityManager = this.dataSource.manager): Promise<string[]> {
    const rows: { name: string }[] = await manager.query(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = to_regclass($1)`,
      [table],
    );
    return rows.map(({ name }) => name);
  }

  /** Makes those that are not there. Nobody who reads or writes the table waits for that, nor is waited for. */
  async make(table: PartitionedTable, partitions: readonly Partition[]): Promise<void> {
    const isMissing = await this.missing(table);
    if (partitions.some(isMissing)) await this.inTurn((manager) => this.makeMissing(table, partitions, manager));
  }

  /** @returns how many were missing; another replica may have made them meanwhile */
  private async makeMissing(
    table: PartitionedTable,
    partitions: readonly Partition[],
    manager: EntityManager,
  ): Promise<number> {
    const missing = partitions.filter(await this.missing(table, manager));
    for (const { name, from, to } of missing) {
      const bounds = `FROM (${boundLiteral(table, from)}) TO (${boundLiteral(table, to)})`;
      // CREATE TABLE … PARTITION OF would lock the table against all others.
      await manager.query(`CREATE TABLE IF NOT EXISTS ${name} (LIKE ${table.table} INCLUDING ALL)`);
      await manager.query(`ALTER TABLE ${table.table} ATTACH PARTITION ${name} FOR VALUES ${bounds}`);
    }
    return missing.length;
  }

  /**
   * Statements that use its table wait meanwhile, so it waits for none that takes long, such as those of a dump.
   * @throws if one does: see {@link isBlocked}
   */
  async drop(name: string): Promise<void> {
    await this.inTurn((manager) => manager.query(`DROP TABLE IF EXISTS ${name}`));
    this.logger.log({ partition: name }, 'Dropped a partition past its retention');
  }

  private async missing(table: PartitionedTable, manager?: EntityManager): Promise<(partition: Partition) => boolean> {
    const existing = new Set(await this.names(table, manager));
    return ({ name }) => !existing.has(name);
  }

  private async inTurn(work: (manager: EntityManager) => Promise<unknown>): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.partitions]);
      await manager.query(`SET LOCAL lock_timeout = ${String(LOCK_TIMEOUT_MS)}`);
      await work(manager);
    });
  }

  /**
   * Whether a statement failed for want of a partition, which is there now: a clock that jumped made an id or a time
   * that none was made for. Only rows that are written ask for one; what clients look for makes none.
   */
  async madeFor(error: unknown): Promise<boolean> {
    const { code, table, constraint, detail } = fieldsOf(error);
    const partitioned = this.tables.find((candidate) => candidate.table === table);
    const [, column, value] = KEY_VALUE.exec(detail ?? '') ?? [];
    if (code !== CHECK_VIOLATION || constraint !== undefined || partitioned === undefined || value === undefined)
      return false;
    const at = timeOf(partitioned, value);
    if (!(at.getUTCFullYear() <= YEAR_MAX)) return false;
    const partition = partitionAt(partitioned, at);
    // In turn even if it exists: PostgreSQL shows what is committed a moment before it tells the other sessions, and a
    // statement that runs in between fails again. The lock is released after both.
    await this.inTurn(async (manager) => {
      if ((await this.makeMissing(partitioned, [partition], manager)) > 0) return;
      // A session that reads the list of partitions just when one is attached can keep the list without it, until the
      // table changes. This changes nothing, and makes all sessions read the list again.
      await manager.query(`ALTER TABLE ${partitioned.table} ALTER COLUMN ${column} SET STATISTICS -1`);
    });
    this.logger.warn({ partition: partition.name }, 'Made a partition out of turn: a clock has jumped');
    return true;
  }
}

interface ErrorFields {
  readonly code?: string;
  readonly table?: string;
  readonly constraint?: string;
  readonly detail?: string;
}

function fieldsOf(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return {};
  return ((error as { driverError?: ErrorFields }).driverError ?? error) as ErrorFields;
}
