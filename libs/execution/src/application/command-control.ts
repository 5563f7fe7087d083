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
  commandCancelRequested,
  commandSignalled,
  hasEnded,
  notStarted,
} from '@app/commands';
import { type Caller, EventLog, Idempotency, Transactor } from '@app/kernel';
import type { SignalName } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import { CommandExecutor } from './command-executor.js';

const CANCEL_POLL_MS = 100;

/** Becomes the detail of a cancelled command. */
const WHY: { readonly queued: string; readonly running: string } = {
  queued: 'It was cancelled while it was queued.',
  running: 'It was cancelled while it ran.',
};

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
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly hints: CommandHints,
  ) {}

  /**
   * Ends a queued command, and requests the cancellation of a running one: SIGTERM, then SIGKILL after the grace
   * period. An ended command stays as it is. Returns its current state.
   */
  async cancel(id: string, graceSeconds: number, caller: Caller): Promise<Command> {
    const command = await this.commands.getSummary(id, caller);
    await this.idempotency.once(async () => {
      await this.requestCancel(command, graceSeconds, WHY);
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
      // Before the act, which cannot be undone.
      await this.events.add(commandSignalled(command, name));
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
      for (const id of ids) await this.requestCancel({ id, projectId }, graceSeconds, { queued: why, running: why });
      await sleep(CANCEL_POLL_MS);
    }
  }

  /** Records the request, unless it changes nothing. */
  private requestCancel(
    command: Pick<Command, 'id' | 'projectId'>,
    graceSeconds: number,
    why: typeof WHY,
  ): Promise<void> {
    const { id } = command;
    return this.transactor.run(async () => {
      const isEnded = await this.commands.endQueued(id, notStarted('cancelled', 'cancelled', why.queued));
      const isRequested = !isEnded && (await this.leases.requestCancel(id, graceSeconds, why.running)) !== null;
      if (!isEnded && !isRequested) return;
      await this.events.add(commandCancelRequested(command, graceSeconds, isEnded ? why.queued : why.running));
      if (isRequested)
        this.transactor.afterCommit(() => {
          this.hints.cancelRequested(id);
        });
    });
  }
}
