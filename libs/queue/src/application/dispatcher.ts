import { CommandHints, CommandsService, RunningCommands } from '@app/commands';
import { Poller, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { Admission } from './admission.js';
import { QueueLimits } from './queue-limits.js';

/** Hints wake it; this is for those that were lost, and for commands that wait too long. */
const POLL_MS = 1_000;
const BATCH = 50;

/** Gives queued commands to this replica while it has room. */
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
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    await this.poller.stop();
  }

  /** One round; answers whether more may be waiting. */
  private async dispatch(): Promise<boolean> {
    for (const id of await this.admission.overdue(BATCH)) await this.commands.expire(id);
    const slots = Math.min(BATCH, this.limits.runningPerReplicaMax - this.running.count);
    if (slots <= 0) return false;
    const ids = await this.admission.admit(this.running.owner, slots);
    for (const id of ids) this.running.adopt(id);
    return ids.length === slots;
  }
}
