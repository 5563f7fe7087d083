import { Waiter } from '@app/kernel';
import { Backoff, retryWhileUnavailable } from '@app/resilience';
import type { OutputChunk, StreamName } from '@app/supervisor';
import type { Position } from '@app/commands';
import { type OutputData, type OutputLedger, type OutputRun, RUN_BYTES_MAX } from './output-ledger.js';

/** Beyond this much in memory the producer waits. */
const BUFFER_BYTES_MAX = 1024 * 1024;
/** Minimum time between two batches, unless a batch is full; the first is written immediately. */
const COALESCE_MS = 20;
/** Half of the memory, so that one batch is gathered while the previous one is stored. */
const BATCH_BYTES = BUFFER_BYTES_MAX / 2;
const RETRIES = new Backoff(50, 2_000);
/** Per append: a statement can have 65,535 parameters. */
const RUNS_MAX = 1_000;

/**
 * Writes one command's output to the ledger in batches, in order and with bounded memory; waits while the database is
 * unavailable.
 */
export class OutputWriter {
  /** What is not being stored yet. */
  private buffer: OutputChunk[] = [];
  private gatheredBytes = 0;
  /** Bytes of the batch that is being stored. */
  private storingBytes = 0;
  private readonly full = new Waiter();
  private flushing: Promise<void> | undefined;
  private lastFlush = 0;
  private failure: unknown;
  private roomWaiter: (() => void) | undefined;

  constructor(
    private readonly ledger: OutputLedger,
    private readonly commandId: string,
    private readonly owner: string,
    private stored: Position,
    private readonly onStored: () => void,
    private readonly signal: AbortSignal,
  ) {}

  /** The position of the ledger. */
  get position(): Position {
    return this.stored;
  }

  /** Takes a chunk; resolves when there is room for more. @throws {@link LeaseLost} */
  async push(chunk: OutputChunk): Promise<void> {
    this.buffer.push(chunk);
    this.gatheredBytes += chunk.data.length;
    if (this.gatheredBytes >= BATCH_BYTES) this.full.raise();
    this.flush();
    while (this.gatheredBytes + this.storingBytes > BUFFER_BYTES_MAX && this.failure === undefined) {
      await new Promise<void>((resolve) => (this.roomWaiter = resolve));
    }
    this.throwFailure();
  }

  /** Resolves when everything is stored. @throws {@link LeaseLost} */
  async drain(): Promise<void> {
    while (this.flushing !== undefined) await this.flushing;
    this.throwFailure();
  }

  private flush(): void {
    this.flushing ??= this.run().finally(() => {
      this.flushing = undefined;
      this.roomWaiter?.();
      // A chunk that arrived after the last check found a flush in progress, and must not wait for the next chunk.
      if (this.buffer.length > 0 && this.failure === undefined) this.flush();
    });
  }

  private async run(): Promise<void> {
    try {
      // Never again after a failure: later bytes would take the place of those that were not stored.
      while (this.buffer.length > 0 && this.failure === undefined) {
        await this.coalesce();
        const runs = toRuns(this.takeBatch(), this.stored);
        for (let at = 0; at < runs.length; at += RUNS_MAX) await this.append(runs.slice(at, at + RUNS_MAX));
        this.storingBytes = 0;
        this.lastFlush = performance.now();
        this.roomWaiter?.();
      }
    } catch (error) {
      this.failure = error;
    }
  }

  private async coalesce(): Promise<void> {
    const wait = this.lastFlush + COALESCE_MS - performance.now();
    if (wait > 0 && this.gatheredBytes < BATCH_BYTES) await this.full.wait(wait, this.signal);
  }

  private takeBatch(): OutputChunk[] {
    let count = 0;
    let bytes = 0;
    for (const { data } of this.buffer) {
      if (bytes >= BATCH_BYTES) break;
      bytes += data.length;
      count++;
    }
    this.gatheredBytes -= bytes;
    this.storingBytes = bytes;
    return this.buffer.splice(0, count);
  }

  private async append(runs: readonly OutputRun[]): Promise<void> {
    await retryWhileUnavailable(() => this.ledger.append(this.commandId, this.owner, this.stored, runs), {
      signal: this.signal,
      backoff: RETRIES,
    });
    this.stored = advance(this.stored, runs);
    this.onStored();
  }

  private throwFailure(): void {
    if (this.failure !== undefined) throw this.failure as Error;
  }
}

/** Joins adjacent chunks of the same stream and cuts them at the row size. */
function toRuns(chunks: readonly OutputChunk[], from: Position): OutputData[] {
  const runs: OutputData[] = [];
  const offsets = { ...from };
  for (const [stream, pieces] of neighbours(chunks)) {
    const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    for (let at = 0; at < bytes.length; at += RUN_BYTES_MAX) {
      const data = bytes.subarray(at, at + RUN_BYTES_MAX);
      runs.push({ kind: 'data', stream, offset: offsets[stream], data });
      offsets[stream] += data.length;
    }
  }
  return runs;
}

function* neighbours(chunks: readonly OutputChunk[]): Generator<[StreamName, Buffer[]]> {
  let current: [StreamName, Buffer[]] | undefined;
  for (const { stream, data } of chunks) {
    if (current?.[0] === stream) {
      current[1].push(data);
      continue;
    }
    if (current !== undefined) yield current;
    current = [stream, [data]];
  }
  if (current !== undefined) yield current;
}

export function runLength(run: OutputRun): number {
  return run.kind === 'data' ? run.data.length : run.length;
}

export function advance(position: Position, runs: readonly OutputRun[]): Position {
  const next = { ...position };
  for (const run of runs) next[run.stream] = run.offset + runLength(run);
  return next;
}
