import { type OutputLedger, type OutputGap, type OutputRun } from '../src/application/output-ledger.js';
import type { Position } from '@app/commands';

/** Delegates, unless the test intervenes before an append, or between an append and its response. */
export class FaultyOutputLedger implements OutputLedger {
  readonly appended: { readonly from: Position; readonly runs: readonly OutputRun[] }[] = [];
  before: (attempt: number) => Promise<void> | void = () => undefined;
  after: (attempt: number) => Promise<void> | void = () => undefined;
  private attempts = 0;

  constructor(private readonly ledger: OutputLedger) {}

  async append(commandId: string, owner: string, from: Position, runs: readonly OutputRun[]): Promise<void> {
    const attempt = ++this.attempts;
    await this.before(attempt);
    await this.ledger.append(commandId, owner, from, runs);
    this.appended.push({ from, runs });
    await this.after(attempt);
  }

  read(...args: Parameters<OutputLedger['read']>): Promise<readonly OutputRun[]> {
    return this.ledger.read(...args);
  }

  readStream(...args: Parameters<OutputLedger['readStream']>): Promise<readonly OutputRun[]> {
    return this.ledger.readStream(...args);
  }

  gaps(...args: Parameters<OutputLedger['gaps']>): Promise<readonly OutputGap[]> {
    return this.ledger.gaps(...args);
  }
}
