import { type Caller, InvalidCursor, Waiter } from '@app/kernel';
import { Backoff, retryWhileUnavailable } from '@app/resilience';
import type { StreamName } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import {
  type CommandSummary,
  type Position,
  isAt,
  hasEnded,
  OutputExpired,
  CommandsService,
  type QueuePlace,
  CommandHints,
  QueuePlaces,
} from '@app/commands';
import { type OutputGap, OutputLedger, type OutputRun } from './output-ledger.js';
import { advance } from './output-writer.js';

const RETRIES = new Backoff(500, 500, 1);
/** The most that a stream buffers for a slow reader. */
const BATCH_BYTES = 128 * 1024;
/** Also how long the first bytes of a character can wait for the rest. */
const POLL_MS = 200;
/**
 * Watchers of queued commands share one query; this poll covers lost notifications, and is rare since each needs its
 * own.
 */
const QUEUED_POLL_MS = 60_000;

/** What a follower receives: runs of output as they are stored, and the command whenever its status changes. */
export type Followed =
  /** Always first, and only once: the command's initial state. */
  | { readonly kind: 'opened'; readonly command: CommandSummary; readonly place: QueuePlace | null }
  /** A new status, or a new place in the queue. */
  | { readonly kind: 'status'; readonly command: CommandSummary; readonly place: QueuePlace | null }
  | { readonly kind: 'output'; readonly runs: readonly OutputRun[] }
  /** All output so far has been sent. */
  | { readonly kind: 'idle' }
  /** Always last: the command has ended, and all its output has been sent. */
  | { readonly kind: 'ended'; readonly command: CommandSummary };

/** Reads the output of commands, running or ended. */
@Injectable()
export class OutputService {
  constructor(
    private readonly service: CommandsService,
    private readonly ledger: OutputLedger,
    private readonly hints: CommandHints,
    private readonly places: QueuePlaces,
  ) {}

  /**
   * @throws {@link InvalidCursor} if the position is beyond the output, {@link OutputExpired} if the output was deleted
   */
  async assertReadable(command: CommandSummary, from: Position): Promise<void> {
    const { stdout, stderr } = command.position;
    if (from.stdout > stdout || from.stderr > stderr) throw new InvalidCursor();
    if (from.stdout === stdout && from.stderr === stderr) return;
    const runs = await this.ledger.read(command.id, from, 1);
    if (runs.length === 0) throw new OutputExpired(command.id);
  }

  read(command: CommandSummary, from: Position, maxBytes: number): Promise<readonly OutputRun[]> {
    return this.ledger.read(command.id, from, maxBytes);
  }

  readStream(
    command: CommandSummary,
    stream: StreamName,
    offset: number,
    maxBytes: number,
  ): Promise<readonly OutputRun[]> {
    return this.ledger.readStream(command.id, stream, offset, maxBytes);
  }

  /** The first missing ranges of a stream that extend beyond an offset, at most {@link GAPS_MAX}. */
  gaps(command: CommandSummary, stream: StreamName, offset: number): Promise<readonly OutputGap[]> {
    return this.ledger.gaps(command.id, stream, offset);
  }

  /**
   * The output from a position on, live, up to the end. Ends early only when aborted.
   * @throws {@link OutputExpired} if retention deletes the output meanwhile
   */
  async *follow(id: string, caller: Caller, from: Position, signal: AbortSignal): AsyncGenerator<Followed> {
    const waiter = new Waiter();
    const unsubscribe = this.hints.subscribe(id, waiter.raise);
    let position = from;
    let status: CommandSummary['status'] | undefined;
    let place: QueuePlace | null = null;
    try {
      while (!isAborted(signal)) {
        // The command is read before its output: what is stored once it has ended is everything.
        const command = await readWithRetries(() => this.service.getSummary(id, caller), signal);
        const ended = hasEnded(command.status);
        if (status === undefined || (!ended && command.status !== status)) {
          place = await readWithRetries(() => this.places.of(command), signal);
          yield { kind: status === undefined ? 'opened' : 'status', command, place };
        }
        status = command.status;
        if (status === 'queued') {
          for await (place of this.placesAfter(place, id, waiter, signal)) yield { kind: 'status', command, place };
          continue;
        }
        while (!isAt(position, command.position)) {
          if (isAborted(signal)) return;
          const start = position;
          const runs = await readWithRetries(() => this.ledger.read(id, start, BATCH_BYTES), signal);
          if (runs.length === 0) throw new OutputExpired(id);
          position = advance(position, runs);
          yield { kind: 'output', runs };
        }
        if (ended) {
          yield { kind: 'ended', command };
          return;
        }
        yield { kind: 'idle' };
        await waiter.wait(POLL_MS, signal);
      }
    } finally {
      unsubscribe();
    }
  }

  /**
   * The command's place in the queue, whenever it changes; ends when the command may have left the queue. Needs no
   * query of its own.
   */
  private async *placesAfter(
    place: QueuePlace | null,
    id: string,
    waiter: Waiter,
    signal: AbortSignal,
  ): AsyncGenerator<QueuePlace> {
    const found: (QueuePlace | null)[] = [];
    let shown = JSON.stringify(place);
    const unwatch = this.places.watch(id, (latest) => {
      found[0] = latest;
      waiter.raise();
    });
    try {
      for (;;) {
        await waiter.wait(QUEUED_POLL_MS, signal);
        const latest = found.pop() ?? null;
        if (latest === null) return;
        if (JSON.stringify(latest) !== shown) yield latest;
        shown = JSON.stringify(latest);
      }
    } finally {
      unwatch();
    }
  }
}

/**
 * Waits while the database is unavailable: its clients cannot all reconnect, and heartbeats show them that the stream
 * is alive.
 */
function readWithRetries<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return retryWhileUnavailable(read, { signal, backoff: RETRIES });
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
