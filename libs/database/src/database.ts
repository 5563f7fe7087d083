import { AsyncLocalStorage } from 'node:async_hooks';
import { Transactor } from '@app/kernel';
import { Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { toDomainError } from './errors.js';
import { migrations } from './migrations/index.js';

interface Transaction {
  readonly manager: EntityManager;
  readonly hints: (() => void)[];
}

/** The database as repositories use it: statements run in the transaction that is open, or on their own. */
@Injectable()
export class Database extends Transactor {
  private readonly logger = new Logger(Database.name);
  private readonly transactions = new AsyncLocalStorage<Transaction>();

  constructor(protected readonly dataSource: DataSource) {
    super();
  }

  /** The manager of the open transaction, or of the pool. */
  get manager(): EntityManager {
    return this.transactions.getStore()?.manager ?? this.dataSource.manager;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.transactions.getStore() !== undefined) return work();
    const hints: (() => void)[] = [];
    let result: T;
    try {
      result = await this.dataSource.transaction((manager) => this.transactions.run({ manager, hints }, work));
    } catch (error) {
      throw toDomainError(error);
    }
    for (const hint of hints) this.give(hint);
    return result;
  }

  /** What has been committed stays so, whatever becomes of its hints. */
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
   * Runs one statement and answers its rows; UPDATE and DELETE answer what they RETURN.
   * @throws {@link Unavailable} when the database does not answer
   */
  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    try {
      const result: unknown = await this.manager.query(sql, [...parameters]);
      // TypeORM answers [rows, count] for statements whose command is UPDATE or DELETE.
      return (/^\s*(UPDATE|DELETE)\b/i.test(sql) ? (result as [Row[], number])[0] : result) as Row[];
    } catch (error) {
      throw toDomainError(error);
    }
  }

  /** @throws {@link Unavailable} */
  async assertReachable(): Promise<void> {
    await this.query('SELECT 1');
  }

  /** @throws if the schema is older than this program */
  async assertMigrated(): Promise<void> {
    const [row] = await this.query<{ name: string }>('SELECT name FROM migrations ORDER BY id DESC LIMIT 1');
    const newest = migrations.at(-1)?.name;
    if (row?.name !== newest)
      throw new Error(`The schema is at ${row?.name ?? 'nothing'}, not at ${newest ?? 'nothing'}.`);
  }
}
