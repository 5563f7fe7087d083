import { CommandHints, CommandsService } from '@app/commands';
import { RunningCommands } from '@app/execution';
import { Poller, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { Admission } from './admission.js';
import { QueueLimits } from './queue-limits.js';

/** Hints wake the poller; this interval covers lost hints. */
const POLL_MS = 1_000;
const BATCH = 50;
const EXPIRY_POLL_MS = 1_000;

/** Admits queued commands to this replica while it has room. */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Dispatcher.name);
  private readonly poller = new Poller(
    () => this.dispatch(),
    POLL_MS,
    (error) => {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'Commands could not be admitted');
    },
  );
  private readonly expiry = new Poller(
    () => this.expire(),
    EXPIRY_POLL_MS,
    (error) => {
      if (!(error instanceof Unavailable)) this.logger.error({ err: error }, 'Queued commands could not be expired');
    },
  );
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly admission: Admission,
    private readonly commands: CommandsService,
    private readonly running: RunningCommands,
    private readonly hints: CommandHints,
    private readonly limits: QueueLimits,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.hints.onQueueChange(() => {
      this.poller.wake();
    });
    this.poller.start();
    this.expiry.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    await Promise.all([this.poller.stop(), this.expiry.stop()]);
  }

  /** One round; returns whether more may be waiting. */
  private async dispatch(): Promise<boolean> {
    const slots = Math.min(BATCH, this.limits.runningPerReplicaMax - this.running.count);
    if (slots <= 0) return false;
    const commands = await this.admission.admit(this.running.owner, slots);
    for (const command of commands) this.running.adopt(command.id, command);
    for (const command of commands) this.hints.admitted(command);
    await this.admission.compact();
    return commands.length === slots;
  }

  private async expire(): Promise<boolean> {
    const ids = await this.admission.overdue(BATCH);
    for (const id of ids) await this.commands.expire(id);
    return ids.length === BATCH;
  }
}
