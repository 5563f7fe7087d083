import { AsyncLocalStorage } from 'node:async_hooks';
import { type Transactor } from '../src/index.js';

interface Transaction {
  readonly hints: (() => void)[];
  readonly undo: (() => void)[];
}

/**
 * Transactions for fakes, which register how to undo their changes with {@link InMemoryTransactor.onRollback}.
 */
export class InMemoryTransactor implements Transactor {
  private readonly transactions = new AsyncLocalStorage<Transaction>();

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.transactions.getStore() !== undefined) return work();
    const transaction: Transaction = { hints: [], undo: [] };
    let result: T;
    try {
      result = await this.transactions.run(transaction, work);
    } catch (error) {
      for (const undo of transaction.undo.reverse()) undo();
      throw error;
    }
    for (const hint of transaction.hints) hint();
    return result;
  }

  afterCommit(hint: () => void): void {
    const transaction = this.transactions.getStore();
    if (transaction === undefined) hint();
    else transaction.hints.push(hint);
  }

  /** Does nothing outside a transaction. */
  onRollback(undo: () => void): void {
    this.transactions.getStore()?.undo.push(undo);
  }
}
