import {
  AuditDigest,
  type Caller,
  Callbacks,
  Clock,
  EventLog,
  Idempotency,
  NotFound,
  type Page,
  type PageRequest,
  Transactor,
  Waiter,
  currentActor,
  maySeeProject,
  newId,
} from '@app/kernel';
import { ProjectsService } from '@app/projects';
import { untraced } from '@app/tracing';
import { Injectable } from '@nestjs/common';
import {
  type Command,
  type CommandSpec,
  type CommandSummary,
  type NewCommand,
  type Priority,
  commandCreated,
  commandEnded,
  commandReprioritized,
} from '../domain/command.js';
import { auditDetails } from '../domain/audit-details.js';
import { checkContainer } from '../domain/container.js';
import { hasEnded } from '../domain/status.js';
import { CommandEnded, CommandNotQueued, CommandRejected, QueueFull } from '../domain/command.errors.js';
import { type Ending, notStarted } from '../domain/result.js';
import { CommandQueue, type QueueRules } from './command-queue.js';
import { type CommandFilter, CommandRepository } from './command.repository.js';
import { CommandRules } from './command-rules.js';
import { commandRejected } from '../domain/rejection.js';
import { CommandHints } from './hints.js';
import { CommandLimits } from './command-limits.js';

const POLL_MS = 500;

export interface CommandRequest {
  readonly spec: Omit<CommandSpec, 'outputBytesMax'> & { readonly outputBytesMax: number | null };
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: Priority;
  readonly lock: string | null;
  readonly queueTimeoutSeconds: number | null;
  readonly traceparent: string | null;
  /** Told about the end of the command. */
  readonly callbackUrl: string | null;
}

/** Commands, as one caller may see them. */
@Injectable()
export class CommandsService {
  constructor(
    private readonly commands: CommandRepository,
    private readonly queue: CommandQueue,
    private readonly projects: ProjectsService,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly hints: CommandHints,
    private readonly limits: CommandLimits,
    private readonly rules: CommandRules,
    private readonly callbacks: Callbacks,
    private readonly digests: AuditDigest,
    private readonly clock: Clock,
  ) {}

  /**
   * Queues a command.
   * @throws {@link NotFound}, {@link CommandRejected}, {@link ProjectNotRunning}, {@link QueueFull},
   * {@link InsufficientScope} or {@link InvalidInput}
   */
  async create(projectId: string, request: CommandRequest, caller: Caller): Promise<Command> {
    if (!maySeeProject(caller, projectId)) throw new NotFound('project', projectId);
    const outputBytesMax = this.limits.outputBytesOf(request.spec.outputBytesMax);
    checkContainer(request.spec, this.projects.hasContainers);
    const { callbackUrl: url } = request;
    if (url !== null) this.callbacks.assertAllowed(url, caller);
    const spec = { ...request.spec, outputBytesMax };
    const command: NewCommand = {
      ...request,
      id: newId('cmd', this.clock.now()),
      projectId,
      keyId: caller.keyId,
      spec,
      creator: currentActor(),
    };
    const details = auditDetails(spec, this.digests);
    const directory = this.projects.directoryOf(projectId);
    let created!: Command;
    const creation = this.idempotency.once(async () => {
      // Inside the transaction: a replay returns the original command, whatever has become of the project or the
      // policy.
      await this.projects.assertVisible(projectId, caller);
      const rejection = this.rules.rejection({ projectId, keyId: caller.keyId, spec, directory });
      if (rejection !== null) throw new CommandRejected(rejection);
      await this.projects.admitCommand(projectId, caller);
      await this.events.add(commandCreated(command, details));
      if (url !== null) await this.callbacks.register({ commandId: command.id, url, keyId: caller.keyId });
      // Last, since other additions to the project's queue wait until the commit.
      const queued = await this.queue.enqueue(command, this.queueRules);
      if (queued === null) throw new QueueFull(projectId, this.limits.queuedPerProjectMax);
      created = queued;
      this.transactor.afterCommit(() => {
        this.hints.queueChanged();
        this.projects.noteCommand(queued, 'created');
      });
      return command.id;
    });
    const { id, replayOf } = await creation.catch(async (error: unknown) => {
      if (error instanceof CommandRejected) await this.recordRejection(command, error, details);
      throw error;
    });
    return replayOf === null ? created : this.get(id, caller);
  }

  list(
    filter: Omit<CommandFilter, 'visibleProjects'>,
    page: PageRequest,
    caller: Caller,
  ): Promise<Page<CommandSummary>> {
    return this.commands.list({ ...filter, visibleProjects: caller.projects }, page);
  }

  /** @throws {@link NotFound}, also if the caller may not see it */
  async get(id: string, caller: Caller): Promise<Command> {
    const command = await this.commands.findById(id);
    if (command === null || !maySeeProject(caller, command.projectId)) throw new NotFound('command', id);
    return command;
  }

  /**
   * Without what the command runs, for everything but its detail. @throws {@link NotFound}, also if the caller may not
   * see it
   */
  async getSummary(id: string, caller: Caller): Promise<CommandSummary> {
    const command = await this.commands.findSummary(id);
    if (command === null || !maySeeProject(caller, command.projectId)) throw new NotFound('command', id);
    return command;
  }

  /** Returns the command once it has ended, or its current state after the timeout or when the caller leaves. */
  wait(id: string, caller: Caller, timeoutMs: number, signal: AbortSignal): Promise<Command> {
    return untraced(() => this.waitUntraced(id, caller, timeoutMs, signal));
  }

  private async waitUntraced(id: string, caller: Caller, timeoutMs: number, signal: AbortSignal): Promise<Command> {
    const waiter = new Waiter();
    const unsubscribe = this.hints.subscribe(id, waiter.raise);
    const deadline = performance.now() + timeoutMs;
    try {
      for (;;) {
        const { status } = await this.getSummary(id, caller);
        const left = deadline - performance.now();
        if (hasEnded(status) || left <= 0 || signal.aborted) break;
        await waiter.wait(Math.min(left, POLL_MS), signal);
      }
    } finally {
      unsubscribe();
    }
    return this.get(id, caller);
  }

  /** Changes the priority of a queued command. @throws {@link CommandEnded}, {@link CommandNotQueued} */
  async reprioritize(id: string, priority: Priority | undefined, caller: Caller): Promise<Command> {
    const before = await this.getSummary(id, caller);
    if (before.status === 'queued' && (priority ?? before.priority) === before.priority) return this.get(id, caller);
    const changed = await this.transactor.run(async () => {
      const command = await this.queue.reprioritize(id, priority ?? before.priority, this.queueRules);
      if (command !== null) await this.events.add(commandReprioritized(command, before.priority));
      return command;
    });
    if (changed === null) {
      const { status } = await this.getSummary(id, caller);
      throw hasEnded(status) ? new CommandEnded(id) : new CommandNotQueued(id, status);
    }
    this.hints.changed(id);
    this.hints.queueChanged();
    return this.get(id, caller);
  }

  /** Ends a command whose queue timeout has passed. */
  async expire(id: string): Promise<void> {
    await this.endQueued(id, notStarted('expired', 'expired_in_queue', 'It waited in the queue for too long.'));
  }

  /** Returns whether it was queued. */
  async endQueued(id: string, ending: Ending): Promise<boolean> {
    return this.transactor.run(async () => {
      const ended = await this.queue.endQueued(id, ending);
      if (ended === null) return false;
      await this.events.add(commandEnded(ended));
      this.transactor.afterCommit(() => {
        this.hints.ended(ended);
      });
      return true;
    });
  }

  /** In a separate transaction: the refused creation does not commit. */
  private recordRejection(command: NewCommand, { rejection }: CommandRejected, details: object): Promise<void> {
    return this.transactor.run(() => this.events.add(commandRejected(command, rejection, details)));
  }

  private get queueRules(): QueueRules {
    const { queuedPerProjectMax: queuedMax, agingSeconds } = this.limits;
    return { queuedMax, agingSeconds };
  }
}
