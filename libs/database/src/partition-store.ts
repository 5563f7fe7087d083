import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { type Partition, type PartitionedTable, partitionAt, partitionNamed, timeOf } from './partitions.js';
import { LOCKS } from './locks.js';

export type PartitionedTables = readonly PartitionedTable[];
export const PartitionedTables = Symbol('PartitionedTables');

/** PostgreSQL cancels a blocking autovacuum after 1 s. */
const LOCK_TIMEOUT_MS = 2_000;
/** The names have four digits for the year. */
const YEAR_MAX = 9999;
/** "no partition of relation … found for row" is a check violation without a constraint. */
const CHECK_VIOLATION = '23514';
/** "Partition key of the failing row contains (command_id) = (cmd_01…)." */
const KEY_VALUE = /\([^)]+\) = \(([^)]+)\)/;

/**
 * Creates and drops the partitions, one replica at a time: by functions of the database, which run with the privileges of
 * the tables' owner and check what they are asked for.
 */
@Injectable()
export class PartitionStore {
  private readonly logger = new Logger(PartitionStore.name);

  constructor(
    private readonly dataSource: DataSource,
    @Inject(PartitionedTables) readonly tables: PartitionedTables,
  ) {}

  /** The names of the existing partitions. */
  async names({ table }: PartitionedTable, manager: EntityManager = this.dataSource.manager): Promise<string[]> {
    const rows: { name: string }[] = await manager.query(
      `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = to_regclass($1)`,
      [table],
    );
    return rows.map(({ name }) => name);
  }

  /** The spans of the existing partitions, earliest first. */
  async spans(table: string): Promise<readonly Partition[]> {
    const known = this.tables.find((candidate) => candidate.table === table);
    if (known === undefined) return [];
    const spans = (await this.names(known)).flatMap((name) => partitionNamed(known, name) ?? []);
    return spans.sort((a, b) => a.from.getTime() - b.from.getTime());
  }

  /** Creates missing partitions, without blocking readers and writers of the table or waiting for them. */
  async create(table: PartitionedTable, partitions: readonly Partition[]): Promise<void> {
    const isMissing = await this.missing(table);
    if (partitions.some(isMissing)) await this.exclusively((manager) => this.createMissing(table, partitions, manager));
  }

  /** @returns how many were missing; another replica may have created them meanwhile */
  private async createMissing(
    table: PartitionedTable,
    partitions: readonly Partition[],
    manager: EntityManager,
  ): Promise<number> {
    const missing = partitions.filter(await this.missing(table, manager));
    for (const { name } of missing) await manager.query('SELECT create_partition($1, $2)', [table.table, name]);
    return missing.length;
  }

  /**
   * Blocks statements on the table, so it does not wait for long ones, such as those of a dump.
   * @throws an error for which {@link isBlocked} is true if there is one, or {@link isRefused} if the rest of the event
   * log could not be verified
   */
  async drop({ table }: PartitionedTable, name: string): Promise<void> {
    await this.exclusively((manager) => manager.query('SELECT drop_partition($1, $2)', [table, name]));
    this.logger.log({ partition: name }, 'Dropped a partition past its retention');
  }

  private async missing(table: PartitionedTable, manager?: EntityManager): Promise<(partition: Partition) => boolean> {
    const existing = new Set(await this.names(table, manager));
    return ({ name }) => !existing.has(name);
  }

  private async exclusively(work: (manager: EntityManager) => Promise<unknown>): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.partitions]);
      await manager.query(`SET LOCAL lock_timeout = ${String(LOCK_TIMEOUT_MS)}`);
      await work(manager);
    });
  }

  /**
   * If a statement failed for lack of a partition, creates it and returns true: a clock that jumped has produced an id
   * or time without one. Only inserts do that, so clients cannot create partitions by querying ids.
   */
  async createFor(error: unknown): Promise<boolean> {
    const { code, table, constraint, detail } = fieldsOf(error);
    const partitioned = this.tables.find((candidate) => candidate.table === table);
    const [, value] = KEY_VALUE.exec(detail ?? '') ?? [];
    if (code !== CHECK_VIOLATION || constraint !== undefined || partitioned === undefined || value === undefined)
      return false;
    const at = timeOf(partitioned, value);
    if (!(at.getUTCFullYear() <= YEAR_MAX)) return false;
    const partition = partitionAt(partitioned, at);
    // Take the lock even if the partition exists: PostgreSQL makes a commit visible a moment before it invalidates the
    // caches of other sessions, and a statement in between would fail again. The lock is released after both.
    await this.exclusively(async (manager) => {
      if ((await this.createMissing(partitioned, [partition], manager)) > 0) return;
      // A session that reads the list of partitions while one is attached can cache the list without it until the table
      // changes.
      await manager.query('SELECT refresh_partitions($1)', [partitioned.table]);
    });
    this.logger.warn({ partition: partition.name }, 'Created an unscheduled partition: a clock has jumped');
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
