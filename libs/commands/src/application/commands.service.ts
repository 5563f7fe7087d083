import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Caller,
  EventLog,
  Idempotency,
  InvalidInput,
  NotFound,
  type Page,
  type PageRequest,
  Transactor,
  Waiter,
  maySeeProject,
  newId,
} from '@app/kernel';
import { ProjectsService } from '@app/projects';
import type { SignalName } from '@app/supervisor';
import { Injectable } from '@nestjs/common';
import {
  type Command,
  type CommandSpec,
  type NewCommand,
  type Priority,
  commandCreated,
  commandEnded,
  commandReprioritized,
} from '../domain/command.js';
import { hasEnded } from '../domain/status.js';
import {
  CommandEnded,
  CommandNotQueued,
  CommandNotRunning,
  CommandRejected,
  CommandUnreachable,
  QueueFull,
} from '../domain/command.errors.js';
import { CommandPolicy, commandRejected } from '../domain/command-policy.js';
import { type Ending, notStarted } from '../domain/result.js';
import { type CommandFilter, CommandRepository, type QueueRules } from './command.repository.js';
import { CommandExecutor } from './command-executor.js';
import { CommandHints } from './hints.js';
import { CommandLimits } from './limits.js';

const POLL_MS = 500;
const CANCEL_POLL_MS = 100;

export interface CommandRequest {
  readonly spec: Omit<CommandSpec, 'outputBytesMax'> & { readonly outputBytesMax: number | null };
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: Priority;
  readonly lock: string | null;
  readonly queueTimeoutSeconds: number | null;
  readonly traceparent: string | null;
}

export interface CancelAll {
  readonly projectId: string;
  /** Those that were created before; null: all. */
  readonly before: Date | null;
  readonly why: string;
  readonly graceSeconds: number;
}

/** Commands, as one caller may see them. */
@Injectable()
export class CommandsService {
  constructor(
    private readonly commands: CommandRepository,
    private readonly projects: ProjectsService,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly hints: CommandHints,
    private readonly limits: CommandLimits,
    private readonly executor: CommandExecutor,
    private readonly policy: CommandPolicy,
  ) {}

  /**
   * Queues a command.
   * @throws {@link NotFound}, {@link CommandRejected}, {@link ProjectNotRunning}, {@link QueueFull} or {@link InvalidInput}
   */
  async create(projectId: string, request: CommandRequest, caller: Caller): Promise<Command> {
    await this.projects.assertVisible(projectId, caller);
    const outputBytesMax = this.limits.outputBytesOf(request.spec.outputBytesMax);
    if (outputBytesMax instanceof InvalidInput) throw outputBytesMax;
    const spec = { ...request.spec, outputBytesMax };
    const command: NewCommand = { ...request, id: newId('cmd'), projectId, keyId: caller.keyId, spec };
    const { queuedPerProjectMax: queuedMax } = this.limits;
    let created!: Command;
    const creation = this.idempotency.once(async () => {
      // In here: a replay answers what was allowed when it was made, whatever the policy says now.
      const rejection = this.policy.rejection({ projectId, keyId: caller.keyId, work: spec.work }, spec.env);
      if (rejection !== null) throw new CommandRejected(rejection);
      await this.projects.admitCommand(projectId, caller);
      await this.events.add(commandCreated(command));
      // Last, as others who add to the project's queue wait until the commit.
      const queued = await this.commands.enqueue(command, this.queueRules);
      if (queued === null) throw new QueueFull(projectId, queuedMax);
      created = queued;
      this.transactor.afterCommit(() => {
        this.hints.queueChanged();
        this.projects.noteCommand(projectId, 'created');
      });
      return command.id;
    });
    const { id, isReplay } = await creation.catch(async (error: unknown) => {
      if (error instanceof CommandRejected) await this.recordRejection(command, error);
      throw error;
    });
    return isReplay ? this.get(id, caller) : created;
  }

  list(filter: Omit<CommandFilter, 'visibleProjects'>, page: PageRequest, caller: Caller): Promise<Page<Command>> {
    return this.commands.list({ ...filter, visibleProjects: caller.projects }, page);
  }

  /** @throws {@link NotFound}, also when the caller may not see it */
  async get(id: string, caller: Caller): Promise<Command> {
    const command = await this.commands.findById(id);
    if (command === null || !maySeeProject(caller, command.projectId)) throw new NotFound('command', id);
    return command;
  }

  /** The command once it has ended, or as it is when the time is over or the caller leaves. */
  async wait(id: string, caller: Caller, timeoutMs: number, signal: AbortSignal): Promise<Command> {
    const waiter = new Waiter();
    const unsubscribe = this.hints.subscribe(id, waiter.raise);
    const deadline = performance.now() + timeoutMs;
    try {
      for (;;) {
        const command = await this.get(id, caller);
        const left = deadline - performance.now();
        if (hasEnded(command.status) || left <= 0 || signal.aborted) return command;
        await waiter.wait(Math.min(left, POLL_MS), signal);
      }
    } finally {
      unsubscribe();
    }
  }

  /**
   * Ends a command that is queued, and asks for the end of one that runs: SIGTERM, SIGKILL after the grace. Answers it as
   * it then is. One that has ended stays as it is.
   */
  async cancel(id: string, graceSeconds: number, caller: Caller): Promise<Command> {
    await this.get(id, caller);
    if (await this.endQueued(id, notStarted('cancelled', 'cancelled', 'It was cancelled while it was queued.'))) {
      return this.get(id, caller);
    }
    if ((await this.commands.requestCancel(id, graceSeconds)) !== null) this.hints.cancelRequested(id);
    return this.get(id, caller);
  }

  /** Changes the priority of a queued command. @throws {@link CommandEnded}, {@link CommandNotQueued} */
  async reprioritize(id: string, priority: Priority | undefined, caller: Caller): Promise<Command> {
    const before = await this.get(id, caller);
    if (before.status === 'queued' && (priority ?? before.priority) === before.priority) return before;
    const changed = await this.transactor.run(async () => {
      const command = await this.commands.reprioritize(id, priority ?? before.priority, this.queueRules);
      if (command !== null) await this.events.add(commandReprioritized(command, before.priority));
      return command;
    });
    if (changed === null) {
      const { status } = await this.get(id, caller);
      throw hasEnded(status) ? new CommandEnded(id) : new CommandNotQueued(id, status);
    }
    this.hints.changed(id);
    this.hints.queueChanged();
    return changed;
  }

  /** Sends a signal to all processes of a command. @throws {@link CommandEnded}, {@link CommandNotRunning}, {@link CommandUnreachable} */
  async signal(id: string, name: SignalName, caller: Caller): Promise<Command> {
    const command = await this.get(id, caller);
    if (hasEnded(command.status)) throw new CommandEnded(id);
    if (command.status !== 'running' || command.instance === null) throw new CommandNotRunning(id, command.status);
    const isSent = await this.executor.signal(command.instance, id, name).catch((cause: unknown) => {
      throw new CommandUnreachable(id, { cause });
    });
    if (!isSent) throw new CommandEnded(id);
    return this.get(id, caller);
  }

  /** Cancels the commands of a project, and waits until they have ended or the signal says that it has been long enough. */
  async cancelAll({ projectId, before, why, graceSeconds }: CancelAll, signal: AbortSignal): Promise<void> {
    for (;;) {
      const ids = await this.commands.unended(projectId, before);
      if (ids.length === 0 || signal.aborted) return;
      for (const id of ids) {
        if (await this.endQueued(id, notStarted('cancelled', 'cancelled', why))) continue;
        if ((await this.commands.requestCancel(id, graceSeconds)) !== null) this.hints.cancelRequested(id);
      }
      await sleep(CANCEL_POLL_MS);
    }
  }

  /** Ends a command that waited in the queue for too long. */
  async expire(id: string): Promise<void> {
    await this.endQueued(id, notStarted('expired', 'expired_in_queue', 'It waited in the queue for too long.'));
  }

  /** In a transaction of its own: the refused creation has none that commits. */
  private recordRejection(command: NewCommand, { rejection }: CommandRejected): Promise<void> {
    return this.transactor.run(() => this.events.add(commandRejected(command, rejection)));
  }

  private get queueRules(): QueueRules {
    const { queuedPerProjectMax: queuedMax, agingSeconds } = this.limits;
    return { queuedMax, agingSeconds };
  }

  private async endQueued(id: string, ending: Ending): Promise<boolean> {
    const ended = await this.transactor.run(async () => {
      const command = await this.commands.endQueued(id, ending);
      if (command?.result) await this.events.add(commandEnded(id, command.projectId, command.status, command.result));
      return command;
    });
    if (ended !== null) this.hints.ended(ended);
    return ended !== null;
  }
}
