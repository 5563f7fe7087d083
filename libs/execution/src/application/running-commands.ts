import { newLeaseOwner } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type AdmittedCommand, CommandLeases, CommandHints } from '@app/commands';
import { Cancellation } from './cancellation.js';
import { CommandRunner } from './command-runner.js';

export const LEASE_SECONDS = 8;
const RENEW_MS = 2_000;
const TAKE_OVER_MS = 2_000;
const TAKE_OVER_MAX = 50;

interface Running {
  /** Makes the runner let go of the command. */
  readonly abort: AbortController;
  readonly cancellation: Cancellation;
  readonly done: Promise<void>;
}

/**
 * The commands that this replica runs: renews their leases, takes over those of dead replicas, and releases its own on
 * shutdown.
 */
@Injectable()
export class RunningCommands implements OnApplicationBootstrap, OnApplicationShutdown {
  /** The owner of this replica's leases. */
  readonly owner = newLeaseOwner();
  private readonly logger = new Logger(RunningCommands.name);
  private readonly running = new Map<string, Running>();
  private readonly timers: NodeJS.Timeout[] = [];
  private unsubscribe: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly leases: CommandLeases,
    private readonly runner: CommandRunner,
    private readonly hints: CommandHints,
  ) {}

  get count(): number {
    return this.running.size;
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.hints.onCancelRequest((id) => {
      // The hint contains only the id. If this read fails, the next renewal finds the request.
      if (this.running.has(id)) this.renew([id]).catch(() => undefined);
    });
    this.every(RENEW_MS, () => this.renew([...this.running.keys()]));
    this.every(TAKE_OVER_MS, () => this.takeOver());
  }

  /** Commands continue; another replica follows them from here. */
  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.unsubscribe?.();
    for (const timer of this.timers) clearInterval(timer);
    const ids = [...this.running.keys()];
    for (const { abort } of this.running.values()) abort.abort();
    await Promise.all([...this.running.values()].map(({ done }) => done));
    await this.leases.releaseLeases(ids, this.owner).catch(() => undefined);
  }

  /** Runs a command leased to this replica. @param command its current state, if it was just admitted */
  adopt(id: string, command?: AdmittedCommand): void {
    if (this.running.has(id) || this.stopped) return;
    const abort = new AbortController();
    const cancellation = new Cancellation();
    const run = { id, command, owner: this.owner, signal: abort.signal, cancellation };
    const done = this.runner.run(run).finally(() => this.running.delete(id));
    this.running.set(id, { abort, cancellation, done });
  }

  private every(intervalMs: number, job: () => Promise<void>): void {
    let busy = false;
    const tick = (): void => {
      if (busy) return;
      busy = true;
      job()
        .catch((error: unknown) => {
          this.logger.warn({ err: error }, 'Leases could not be kept');
        })
        .finally(() => {
          busy = false;
        });
    };
    tick();
    this.timers.push(setInterval(tick, intervalMs));
  }

  private async renew(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const held = await this.leases.renewLeases(ids, this.owner, LEASE_SECONDS);
    const graces = new Map(held.map((lease) => [lease.id, lease.cancelGraceSeconds]));
    for (const id of ids) {
      const grace = graces.get(id);
      if (grace === undefined) this.running.get(id)?.abort.abort();
      else if (grace !== null) this.running.get(id)?.cancellation.request(grace);
    }
  }

  private async takeOver(): Promise<void> {
    const ids = await this.leases.takeOver(this.owner, LEASE_SECONDS, TAKE_OVER_MAX);
    if (ids.length > 0) this.logger.log({ commandIds: ids }, 'Took commands over');
    for (const id of ids) this.adopt(id);
    // The shutdown began meanwhile, so this replica will not run them.
    if (this.stopped) await this.leases.releaseLeases(ids, this.owner);
  }
}
