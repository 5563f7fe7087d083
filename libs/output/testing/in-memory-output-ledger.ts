import { InMemoryTransactor } from '@app/kernel/testing';
import type { StreamName } from '@app/supervisor';
import { GAPS_MAX, type OutputGap, type OutputLedger, type OutputRun } from '../src/application/output-ledger.js';
import { advance, runLength } from '../src/application/output-writer.js';
import { LeaseLost, type Position } from '@app/commands';
import type { InMemoryCommandRepository } from '@app/commands/testing';

const ROWS_PER_READ = 128;

/** Output in memory, fenced by the rows of the commands. */
export class InMemoryOutputLedger implements OutputLedger {
  private readonly runs = new Map<string, readonly OutputRun[]>();

  constructor(
    private readonly commands: InMemoryCommandRepository,
    private readonly transactor = new InMemoryTransactor(),
  ) {}

  /** The bytes of a stream, without missing ranges. */
  bytes(commandId: string, stream: StreamName): Buffer {
    return Buffer.concat(
      this.of(commandId).flatMap((run) => (run.kind === 'data' && run.stream === stream ? [run.data] : [])),
    );
  }

  async append(commandId: string, owner: string, from: Position, runs: readonly OutputRun[]): Promise<void> {
    const row = this.commands.held(commandId, owner);
    if (row === null) throw new LeaseLost(commandId);
    const { position, firstByteAt } = row.command;
    const to = advance(from, runs);
    if (isSame(position, from)) {
      const before = this.of(commandId);
      this.runs.set(commandId, [...before, ...runs]);
      this.transactor.onRollback(() => this.runs.set(commandId, before));
      this.commands.change(commandId, { position: to, firstByteAt: firstByteAt ?? new Date() });
    } else if (!isSame(position, to)) throw new LeaseLost(commandId);
  }

  async read(commandId: string, from: Position, maxBytes: number): Promise<readonly OutputRun[]> {
    return some(
      this.of(commandId).flatMap((run) => cut(run, from[run.stream])),
      maxBytes,
    );
  }

  async readStream(
    commandId: string,
    stream: StreamName,
    offset: number,
    maxBytes: number,
  ): Promise<readonly OutputRun[]> {
    return some(
      this.of(commandId).flatMap((run) => (run.stream === stream ? cut(run, offset) : [])),
      maxBytes,
    );
  }

  async gaps(commandId: string, stream: StreamName, offset: number): Promise<readonly OutputGap[]> {
    const gaps = this.of(commandId).filter((run): run is OutputGap => run.kind === 'gap' && run.stream === stream);
    return gaps.filter((gap) => gap.offset + gap.length > offset).slice(0, GAPS_MAX);
  }

  private of(commandId: string): readonly OutputRun[] {
    return this.runs.get(commandId) ?? [];
  }
}

/** Without bytes before the offset. */
function cut(run: OutputRun, from: number): OutputRun[] {
  const skip = Math.max(0, from - run.offset);
  if (skip >= runLength(run)) return [];
  const offset = run.offset + skip;
  return run.kind === 'gap'
    ? [{ ...run, offset, length: run.length - skip }]
    : [{ ...run, offset, data: run.data.subarray(skip) }];
}

function some(runs: readonly OutputRun[], maxBytes: number): readonly OutputRun[] {
  let bytes = 0;
  const end = runs.findIndex((run, index) => {
    const isEnough = bytes >= Math.max(1, maxBytes) || index === ROWS_PER_READ;
    if (run.kind === 'data') bytes += run.data.length;
    return isEnough;
  });
  return end < 0 ? runs : runs.slice(0, end);
}

function isSame(a: Position, b: Position): boolean {
  return a.stdout === b.stdout && a.stderr === b.stderr;
}
