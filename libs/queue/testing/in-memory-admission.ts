import { setTimeout as sleep } from 'node:timers/promises';
import type { AdmittedCommand } from '@app/commands';
import { type CommandExecutor, STARTUP_BYTES_MAX } from '@app/execution';
import { compareOrder } from '../src/domain/queue-order.js';
import type { InMemoryCommandRepository } from '@app/commands/testing';
import { type Admission } from '../src/application/admission.js';
import type { QueueLimits } from '../src/application/queue-limits.js';
import { Scheduler } from '../src/domain/scheduler.js';

const LEASE_MS = 8_000;

/** The queue in memory, on the rows of the commands. */
export class InMemoryAdmission implements Admission {
  /** `maxConcurrentCommands` of keys that have it. */
  readonly keyMax = new Map<string, number>();
  /** The variables of projects that have some. */
  readonly environments = new Map<string, Readonly<Record<string, string>>>();
  /** Projects that are paused or not running; '' means the whole queue. */
  readonly closed = new Set<string>();

  constructor(
    private readonly commands: InMemoryCommandRepository,
    private readonly limits: QueueLimits,
    private readonly executor: CommandExecutor,
  ) {}

  compact(): Promise<void> {
    return Promise.resolve();
  }

  async admit(owner: string, slots: number): Promise<readonly AdmittedCommand[]> {
    const rows = [...this.commands.rows.values()];
    const active = rows
      .map(({ command }) => command)
      .filter(({ status }) => status === 'starting' || status === 'running');
    const now = new Date();
    const agedBefore = now.getTime() - 4 * this.limits.agingSeconds * 1000;
    const scheduler = new Scheduler(slots, this.limits.runningPerProjectMax);
    const waiting = rows
      .filter(
        ({ command: { status, queueExpiresAt } }) => status === 'queued' && !(queueExpiresAt && queueExpiresAt <= now),
      )
      .filter(({ command }) => !this.closed.has('') && !this.closed.has(command.projectId))
      .sort((a, b) => compareOrder(a.order!, b.order!));
    for (const { command, order } of waiting) {
      const { projectId, keyId, lock } = command;
      const inProject = active.filter((other) => other.projectId === projectId);
      if (lock !== null && inProject.some((other) => other.lock === lock)) continue;
      scheduler.tryAdmit({
        ...command,
        isAged: order!.dueAt.getTime() <= agedBefore,
        projectRunning: inProject.length,
        keyRunning: active.filter((other) => other.keyId === keyId).length,
        keyMax: this.keyMax.get(keyId ?? '') ?? null,
      });
    }
    const lease = { leaseOwner: owner, leaseExpiresAt: now.getTime() + LEASE_MS };
    const admitted = scheduler.ids.map((id) =>
      this.commands.change(id, { status: 'starting', admittedAt: now }, lease)!,
    );
    return Promise.all(
      admitted.map(async ({ id, projectId, outline }) => {
        const located = outline.container === null ? this.executor.locate(projectId, null).catch(() => null) : null;
        const instance = await Promise.race([located, sleep(20, null, { ref: false })]);
        const { spec, ...command } = this.commands.change(id, { instance })!;
        const startup = { spec, environment: this.environments.get(projectId) ?? {} };
        const bytes = Buffer.byteLength(JSON.stringify(spec) + JSON.stringify(startup.environment));
        return { ...command, startup: bytes > STARTUP_BYTES_MAX ? null : startup };
      }),
    );
  }

  async overdue(max: number): Promise<readonly string[]> {
    return [...this.commands.rows.values()]
      .map(({ command }) => command)
      .filter(
        ({ status, queueExpiresAt }) => status === 'queued' && queueExpiresAt !== null && queueExpiresAt <= new Date(),
      )
      .slice(0, max)
      .map(({ id }) => id);
  }
}
