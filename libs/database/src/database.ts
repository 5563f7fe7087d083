import { AsyncLocalStorage } from 'node:async_hooks';
import { LogThrottle, Transactor, Unavailable } from '@app/kernel';
import { traced } from '@app/tracing';
import { Injectable, Logger, Optional } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { codeOf, toDomainError } from './errors.js';
import { migrations } from './migrations/index.js';
import { PartitionStore } from './partition-store.js';
import { POSTGRES, tracedQuery } from './query-span.js';

const OUTAGE_EVERY_MS = 10_000;
/** For a statement whose partition is missing: see {@link PartitionStore.createFor}. */
const TRIES_MAX = 3;

interface Transaction {
  readonly manager: EntityManager;
  readonly hints: (() => void)[];
}

/** The database for repositories: statements run in the open transaction, or on their own. */
@Injectable()
export class Database implements Transactor {
  private readonly logger = new Logger(Database.name);
  private readonly transactions = new AsyncLocalStorage<Transaction>();
  private readonly throttle = new LogThrottle(OUTAGE_EVERY_MS);

  constructor(
    protected readonly dataSource: DataSource,
    @Optional() private readonly partitions?: PartitionStore,
  ) {}

  /** The manager of the open transaction, or of the pool. */
  get manager(): EntityManager {
    return this.transactions.getStore()?.manager ?? this.dataSource.manager;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.transactions.getStore() !== undefined) return work();
    const hints: (() => void)[] = [];
    let result: T;
    try {
      result = await traced('transaction', POSTGRES, () =>
        this.dataSource.transaction((manager) => this.transactions.run({ manager, hints }, work)),
      );
    } catch (error) {
      if (await this.createdPartition(error))
        throw new Unavailable('A partition was missing and has been created.', {}, { cause: error });
      throw this.translated(error);
    }
    for (const hint of hints) this.give(hint);
    return result;
  }

  /** A failing hint must not affect the committed transaction. */
  private give(hint: () => void): void {
    try {
      hint();
    } catch (error) {
      this.logger.error({ err: error }, 'A hint after a commit failed');
    }
  }

  afterCommit(hint: () => void): void {
    const transaction = this.transactions.getStore();
    if (transaction === undefined) hint();
    else transaction.hints.push(hint);
  }

  /**
   * Runs one statement and returns its rows; UPDATE and DELETE return the rows of RETURNING.
   * @throws {@link Unavailable} if the database is unavailable
   */
  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    for (let tries = TRIES_MAX; ; tries--) {
      try {
        return await this.execute<Row>(sql, parameters);
      } catch (error) {
        // Within a transaction the previous statements are lost, so its owner must retry.
        const canRetry = tries > 1 && this.transactions.getStore() === undefined;
        if (!canRetry || !(await this.createdPartition(error))) throw error;
      }
    }
  }

  private async execute<Row>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    try {
      const result: unknown = await tracedQuery(sql, () => this.manager.query(sql, [...parameters]));
      // TypeORM returns [rows, count] for UPDATE and DELETE.
      return (/^\s*(UPDATE|DELETE)\b/i.test(sql) ? (result as [Row[], number])[0] : result) as Row[];
    } catch (error) {
      throw this.translated(error);
    }
  }

  /** Also logs outages, since most callers retry silently. */
  protected translated(error: unknown): unknown {
    const translated = toDomainError(error);
    if (!(translated instanceof Unavailable) || translated === error) return translated;
    const alike = this.throttle.admit(codeOf(error));
    if (alike !== null) this.logger.error({ err: error, ...(alike > 0 && { alike }) }, translated.message);
    return translated;
  }

  private async createdPartition(error: unknown): Promise<boolean> {
    try {
      return this.partitions !== undefined && (await this.partitions.createFor(error));
    } catch (failure) {
      throw this.translated(failure);
    }
  }

  /** @throws {@link Unavailable} */
  async assertReachable(): Promise<void> {
    await this.query('SELECT 1');
  }

  /** A newer schema is accepted: migrations only expand. @throws Error if the schema is older than this program */
  async assertMigrated(): Promise<void> {
    const rows = await this.query<{ name: string }>('SELECT name FROM applied_migrations');
    const applied = new Set(rows.map(({ name }) => name));
    const missing = migrations.filter(({ name }) => !applied.has(name));
    if (missing.length > 0) throw new Error(`The schema lacks ${missing.map(({ name }) => name).join(', ')}.`);
  }
}
