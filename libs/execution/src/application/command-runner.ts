import { EventLog, Transactor, Unavailable } from '@app/kernel';
import { Backoff } from '@app/resilience';
import { ProjectsService } from '@app/projects';
import { contextOfObject, inTrace, untraced } from '@app/tracing';
import type { Attachment, AttachmentEnd, ExitRecord } from '@app/supervisor';
import { Injectable, Logger } from '@nestjs/common';
import {
  type AdmittedCommand,
  type CommandSummary,
  type Instance,
  type Startup,
  commandEnded,
  commandStarted,
  type Position,
  hasEnded,
  LeaseLost,
  type Ending,
  endingOf,
  killed,
  notStarted,
  spoolWasFull,
  withFullSpool,
  CommandLeases,
  CommandRepository,
  CommandHints,
  CommandLimits,
} from '@app/commands';
import { type Cancellation, cancelOnRequest } from './cancellation.js';
import { CommandExecutor } from './command-executor.js';
import { displaced, uncollected, type OutputGap, OutputLedger, OutputWriter, advance } from '@app/output';
import { LargeStarts } from './large-starts.js';
import { StuckAttachment } from './stuck-attachment.js';
import { startRequest } from './start-request.js';
import { CommandPolicy } from '@app/policy';
import { AttachmentPace } from './attachment-pace.js';
import { logFailure } from './log-failure.js';
import { type Attempt, endingWithoutRecord } from './ending-without-record.js';

/**
 * How long after its time limit and grace period a command is killed from here: its supervisor should have done so, but
 * the command can prevent that.
 */
const OVERDUE_SECONDS = 60;
/** About 25 days: a longer timer fires immediately. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A command that this replica runs. */
export interface Run {
  readonly id: string;
  /** The newly admitted command; if absent, it is read. */
  readonly command?: AdmittedCommand | undefined;
  /** The owner of the lease. */
  readonly owner: string;
  /** Aborted: let go of the command, which continues. */
  readonly signal: AbortSignal;
  /** Requests to cancel the command. */
  readonly cancellation: Cancellation;
}

/** Bytes after the stored position that can no longer be recovered. */
interface Missing {
  readonly from: Position;
  readonly gaps: readonly OutputGap[];
}

/**
 * Runs one admitted command to its end: binds it to an instance, starts it or attaches to it, and stores its output.
 */
@Injectable()
export class CommandRunner {
  private readonly logger = new Logger(CommandRunner.name);
  private readonly largeStarts = new LargeStarts();

  constructor(
    private readonly commands: CommandRepository,
    private readonly leases: CommandLeases,
    private readonly ledger: OutputLedger,
    private readonly executor: CommandExecutor,
    private readonly projects: ProjectsService,
    private readonly transactor: Transactor,
    private readonly events: EventLog,
    private readonly hints: CommandHints,
    private readonly limits: CommandLimits,
    private readonly policy: CommandPolicy,
    private readonly backoff: Backoff,
  ) {}

  /** Resolves when the command has ended, or when this replica must let go of it: lease lost, or aborted. */
  async run(run: Run): Promise<void> {
    const { id, signal } = run;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.tryRun(run, attempt === 0 ? run.command : undefined);
        return;
      } catch (error) {
        if (isAborted(signal) || error instanceof LeaseLost) return;
        const text =
          error instanceof Unavailable ? 'Waiting to continue with a command' : 'A command could not be followed';
        this.logger.warn({ err: error, commandId: id }, text);
      }
      await this.backoff.wait(attempt, signal).catch(() => undefined);
    }
  }

  /** One attempt; resolves when the command has ended. */
  private async tryRun(run: Run, known: CommandSummary | undefined): Promise<void> {
    const command = known ?? (await this.commands.findSummary(run.id));
    if (command === null || hasEnded(command.status)) return;
    await inTrace(contextOfObject(command.traceparent, command.id), async () => {
      const instance = command.instance ?? (await this.bind(command, run));
      if (instance !== null) await this.follow(command, instance, run, known !== undefined);
    });
  }

  /** Stores the binding before anything is started, so that a later replica finds the right instance. */
  private async bind(command: CommandSummary, run: Run): Promise<Instance | null> {
    let instance: Instance;
    try {
      instance = await this.executor.locate(command.projectId, command.outline.container);
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      const detail = error instanceof Error ? error.message : 'The project could not be found.';
      await this.end(run, notStarted('failed', 'start_failed', detail));
      return null;
    }
    const bound = await this.leases.bind(command.id, run.owner, instance);
    if (bound === null) throw new LeaseLost(command.id);
    return bound;
  }

  /**
   * Attaches repeatedly until there is evidence of an ending.
   * @param isFirst nothing has tried to start it before
   */
  private async follow(command: CommandSummary, instance: Instance, run: Run, isFirst: boolean): Promise<void> {
    const writer = new OutputWriter(
      this.ledger,
      run.id,
      run.owner,
      command.position,
      () => {
        this.hints.changed(run.id);
      },
      run.signal,
    );
    const stuck = new StuckAttachment();
    const stopCancelling = cancelOnRequest({
      ...run,
      backoff: this.backoff,
      kill: async (graceSeconds) => {
        await this.executor.cancel(instance, run.id, graceSeconds);
        stuck.check(writer.position);
      },
      onError: (error) => {
        this.logger.warn({ err: error, commandId: run.id }, 'A command could not be cancelled; trying again');
      },
    });
    const overdue = setTimeout(() => run.cancellation.request(0), overdueMs(command));
    try {
      await this.followUntilEnd(command, instance, writer, stuck, run, isFirst);
    } finally {
      clearTimeout(overdue);
      stopCancelling();
    }
  }

  // eslint-disable-next-line max-lines-per-function -- one loop: what one attempt finds decides about the next
  private async followUntilEnd(
    command: CommandSummary,
    instance: Instance,
    writer: OutputWriter,
    stuck: StuckAttachment,
    run: Run,
    isFirst: boolean,
  ): Promise<void> {
    let started = command.status === 'running';
    let isSilent = command.unreachableSince !== null;
    let isUntouched = isFirst && !started;
    const pace = new AttachmentPace();
    for (let denials = 0; ;) {
      run.signal.throwIfAborted();
      const attachment = stuck.watch(await this.attach(command, instance, writer.position, started, run));
      const opened = await attachment.opened;
      if (opened !== null) {
        pace.opened(writer.position);
        if (!started) await this.markRunning(run, command);
        if (isSilent) await this.leases.markReachable(run.id, run.owner, true);
        started = true;
        isSilent = false;
      }
      const end = await untraced(() => this.store(attachment, writer));
      if (end.kind === 'ended') {
        await this.endByRecord(end.record, command.outline.outputBytesMax, writer, run);
        await attachment.acknowledge();
        return;
      }
      const failures = pace.ended(writer.position);
      if (opened === null) logFailure(this.logger, end, run.id, isSilent);
      isUntouched &&= end.kind === 'refused';
      const isBroken = end.kind === 'dropped' || end.kind === 'refused';
      denials = isBroken ? 0 : denials + 1;
      const isAnswered = opened !== null || !isBroken;
      const found = { end, position: writer.position, denials, isStarted: started, isUntouched, isAnswered };
      const ending = await this.judge(found, instance, run);
      if (ending !== null) {
        await this.giveUp(found, ending, instance, writer, run);
        return;
      }
      isSilent = true;
      await this.backoff.wait(Math.max(failures, denials), run.signal);
    }
  }

  private async attach(
    command: CommandSummary,
    instance: Instance,
    from: Position,
    started: boolean,
    run: Run,
  ): Promise<Attachment> {
    if (started) return this.executor.attach(instance, command.id, from, run.signal);
    const start = (startup: Startup): Attachment => {
      const directory = this.projects.directoryOf(command.projectId);
      const request = startRequest(command, startup, directory, this.policy, this.executor);
      return this.executor.start(instance, request, from, run.signal);
    };
    if (run.command?.startup) return start(run.command.startup);
    const leave = await this.largeStarts.enter(run.signal);
    try {
      const attachment = start(await this.startup(command));
      void attachment.opened.then(leave, leave);
      return attachment;
    } catch (error) {
      leave();
      throw error;
    }
  }

  private async startup({ id, projectId }: CommandSummary): Promise<Startup> {
    const [command, environment] = await Promise.all([
      this.commands.findById(id),
      this.projects.environment(projectId),
    ]);
    if (command === null) throw new LeaseLost(id);
    return { spec: command.spec, environment };
  }

  private async store(attachment: Attachment, writer: OutputWriter): Promise<AttachmentEnd> {
    try {
      for await (const chunk of attachment.chunks) await writer.push(chunk);
      await writer.drain();
      return await attachment.end;
    } catch (error) {
      attachment.close();
      throw error;
    }
  }

  private async endByRecord(record: ExitRecord, outputBytesMax: number, writer: OutputWriter, run: Run): Promise<void> {
    const isSpoolFull = spoolWasFull(record, outputBytesMax);
    const gaps = uncollected(record, writer.position, isSpoolFull ? 'spool_full' : 'output_limit');
    const ending = (isSpoolFull ? withFullSpool : endingOf)(record, advance(writer.position, gaps));
    await this.end(run, ending, { from: writer.position, gaps });
  }

  /** Without a record: decides from the instance's state whether one can still come; null if it can. */
  private async judge(attempt: Attempt, instance: Instance, { id, owner }: Run): Promise<Ending | null> {
    const state = await this.executor.observe(instance);
    const silentSeconds = await this.leases.markReachable(
      id,
      owner,
      state.kind !== 'unreachable' && attempt.isAnswered,
    );
    return endingWithoutRecord({ ...attempt, state, silentSeconds, lostAfterSeconds: this.limits.lostAfterSeconds });
  }

  /** Ends a command without a record, after killing what is left of it if the instance is reachable. */
  private async giveUp(
    { end, isAnswered }: Attempt,
    ending: Ending,
    instance: Instance,
    writer: OutputWriter,
    run: Run,
  ): Promise<void> {
    const from = writer.position;
    const gaps = end.kind === 'spool-short' ? displaced(end.spool, from) : [];
    const kill =
      isAnswered && ending.status === 'lost' ? await this.executor.cancel(instance, run.id, 0).catch(() => null) : null;
    const { stdout: stdoutBytes, stderr: stderrBytes } = advance(from, gaps);
    const result = { ...ending.result, stdoutBytes, stderrBytes, ...(kill && killed(kill, ending.result.detail)) };
    await this.end(run, { ...ending, result }, { from, gaps });
  }

  private async markRunning({ id, owner }: Run, command: CommandSummary): Promise<void> {
    await this.transactor.run(async () => {
      if (await this.leases.markRunning(id, owner)) await this.events.add(commandStarted(command));
    });
    this.hints.changed(id);
  }

  /** Declares missing bytes in the same transaction: otherwise the spool could seem too short. */
  private async end({ id, owner }: Run, ending: Ending, missing?: Missing): Promise<void> {
    const command = await this.transactor.run(async () => {
      if (missing && missing.gaps.length > 0) await this.ledger.append(id, owner, missing.from, missing.gaps);
      const ended = await this.leases.end(id, owner, ending);
      if (ended === null) throw new LeaseLost(id);
      await this.events.add(commandEnded(ended));
      this.transactor.afterCommit(() => {
        this.projects.noteCommand(ended, 'ended');
      });
      return ended;
    });
    this.hints.ended(command);
    this.hints.queueChanged();
  }
}

/** Counted from now, since no clock records the actual start. */
function overdueMs({ outline }: CommandSummary): number {
  return Math.min((outline.timeoutSeconds + OVERDUE_SECONDS) * 1000, TIMER_MS_MAX);
}

/** A function, since the state changes during awaits. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
