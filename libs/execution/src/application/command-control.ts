import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Command,
  CommandEnded,
  CommandHints,
  CommandLeases,
  CommandNotRunning,
  CommandRepository,
  CommandsService,
  CommandUnreachable,
  SignalIgnored,
  hasEnded,
  notStarted,
} from '@app/commands';
import { type Caller, Idempotency } from '@app/kernel';
import type { SignalName } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import { CommandExecutor } from './command-executor.js';

const CANCEL_POLL_MS = 100;

export interface CancelAll {
  readonly projectId: string;
  /** Only commands created before this; null: all. */
  readonly before: Date | null;
  readonly why: string;
  readonly graceSeconds: number;
}

/** Cancels commands and sends them signals. */
@Injectable()
export class CommandControl {
  constructor(
    private readonly commands: CommandsService,
    private readonly repository: CommandRepository,
    private readonly leases: CommandLeases,
    private readonly executor: CommandExecutor,
    private readonly idempotency: Idempotency,
    private readonly hints: CommandHints,
  ) {}

  /**
   * Ends a queued command, and requests the cancellation of a running one: SIGTERM, then SIGKILL after the grace
   * period. An ended command stays as it is. Returns its current state.
   */
  async cancel(id: string, graceSeconds: number, caller: Caller): Promise<Command> {
    await this.commands.getSummary(id, caller);
    await this.idempotency.act(async () => {
      if (
        await this.commands.endQueued(id, notStarted('cancelled', 'cancelled', 'It was cancelled while it was queued.'))
      )
        return id;
      if ((await this.leases.requestCancel(id, graceSeconds, 'It was cancelled while it ran.')) !== null)
        this.hints.cancelRequested(id);
      return id;
    });
    return this.commands.get(id, caller);
  }

  /**
   * Sends a signal to all processes of a command. @throws {@link CommandEnded}, {@link CommandNotRunning}, {@link
   * CommandUnreachable}, {@link SignalIgnored}
   */
  async signal(id: string, name: SignalName, caller: Caller): Promise<Command> {
    const command = await this.commands.getSummary(id, caller);
    await this.idempotency.act(async () => {
      if (hasEnded(command.status)) throw new CommandEnded(id);
      if (command.status !== 'running' || command.instance === null) throw new CommandNotRunning(id, command.status);
      const outcome = await this.executor.signal(command.instance, id, name).catch((cause: unknown) => {
        throw new CommandUnreachable(id, { cause });
      });
      if (outcome === 'ended') throw new CommandEnded(id);
      if (outcome === 'ignored') throw new SignalIgnored(id, name);
      return id;
    });
    return this.commands.get(id, caller);
  }

  /** Cancels the commands of a project, and waits until they have ended or the signal aborts. */
  async cancelAll({ projectId, before, why, graceSeconds }: CancelAll, signal: AbortSignal): Promise<void> {
    for (;;) {
      const ids = await this.repository.unended(projectId, before);
      if (ids.length === 0 || signal.aborted) return;
      for (const id of ids) {
        if (await this.commands.endQueued(id, notStarted('cancelled', 'cancelled', why))) continue;
        if ((await this.leases.requestCancel(id, graceSeconds, why)) !== null) this.hints.cancelRequested(id);
      }
      await sleep(CANCEL_POLL_MS);
    }
  }
}
