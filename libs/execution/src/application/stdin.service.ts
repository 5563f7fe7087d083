import { type Caller, EventLog, Idempotency, Waiter } from '@app/kernel';
import type { StdinOutcome, StdinPiece } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import {
  type CommandSummary,
  stdinWritten,
  CommandEnded,
  CommandNotRunning,
  hasEnded,
  CommandLeases,
  CommandsService,
  CommandHints,
} from '@app/commands';
import { StdinClosed, StdinFull, StdinOffset, StdinUnknown } from '../domain/stdin.errors.js';
import { CommandExecutor } from './command-executor.js';

/** How long a piece waits for a command that is just being started. */
const START_MS = 5_000;
const POLL_MS = 500;

/** Writes to the open stdin of commands. Nothing is stored here: what was written is kept where the command runs. */
@Injectable()
export class StdinService {
  constructor(
    private readonly commands: CommandsService,
    private readonly leases: CommandLeases,
    private readonly executor: CommandExecutor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly hints: CommandHints,
  ) {}

  /**
   * Appends a piece; returns how many bytes have been written so far.
   * @throws {@link CommandEnded}, {@link CommandNotRunning}, {@link StdinClosed}, {@link StdinFull}, {@link
   *   StdinOffset}, {@link StdinUnknown}
   */
  async write(id: string, piece: StdinPiece, caller: Caller, signal: AbortSignal): Promise<number> {
    await this.commands.getSummary(id, caller);
    const { id: offset } = await this.idempotency.act(async () => String(await this.put(id, piece, caller, signal)));
    return Number(offset);
  }

  private async put(id: string, piece: StdinPiece, caller: Caller, signal: AbortSignal): Promise<number> {
    const { status, outline, instance, projectId, stdinBytes } = await this.started(id, caller, signal);
    if (hasEnded(status)) throw new CommandEnded(id, stdinBytes);
    if (outline.stdin !== 'open') throw new StdinClosed(id, 0);
    if (status !== 'running' || instance === null) throw new CommandNotRunning(id, status);
    // Before the act, which cannot be undone.
    await this.events.add(
      stdinWritten({ id, projectId }, { offset: piece.offset, bytes: piece.data.length, eof: piece.eof }),
    );
    const outcome = await this.executor.write(instance, id, piece).catch((cause: unknown) => {
      throw new StdinUnknown(id, piece.offset, { cause });
    });
    if (outcome === null) throw new CommandEnded(id, stdinBytes);
    const offset = accepted(id, outcome);
    await this.leases.noteStdin(id, offset);
    return offset;
  }

  /** The command once it has started, or its current state after some seconds. */
  private async started(id: string, caller: Caller, signal: AbortSignal): Promise<CommandSummary> {
    const waiter = new Waiter();
    const unsubscribe = this.hints.subscribe(id, waiter.raise);
    const deadline = performance.now() + START_MS;
    try {
      for (;;) {
        const command = await this.commands.getSummary(id, caller);
        const isWaiting = command.status === 'queued' || command.status === 'starting';
        const left = deadline - performance.now();
        if (!isWaiting || left <= 0 || signal.aborted) return command;
        await waiter.wait(Math.min(left, POLL_MS), signal);
      }
    } finally {
      unsubscribe();
    }
  }
}

function accepted(id: string, outcome: StdinOutcome): number {
  switch (outcome.kind) {
    case 'accepted':
      return outcome.offset;
    case 'closed':
      throw new StdinClosed(id, outcome.offset);
    case 'full':
      throw new StdinFull(id, outcome.offset);
    case 'offset':
      throw new StdinOffset(id, outcome.offset);
  }
}
