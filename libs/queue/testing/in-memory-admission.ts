import { type InMemoryCommandRepository } from '@app/commands/testing';
import { Admission } from '../src/application/admission.js';
import { type QueueLimits } from '../src/application/queue-limits.js';

const RANK = { low: 0, normal: 1, high: 2, urgent: 3 } as const;
const LEASE_MS = 8_000;

/** The queue in memory, on the rows of the commands. */
export class InMemoryAdmission extends Admission {
  constructor(
    private readonly commands: InMemoryCommandRepository,
    private readonly limits: QueueLimits,
  ) {
    super();
  }

  async admit(owner: string, slots: number): Promise<readonly string[]> {
    const all = [...this.commands.rows.values()].map(({ command }) => command);
    const active = all.filter(({ status }) => status === 'starting' || status === 'running');
    const now = new Date();
    const waiting = all
      .filter(({ status, queueExpiresAt }) => status === 'queued' && (queueExpiresAt === null || queueExpiresAt > now))
      .sort((a, b) => RANK[b.priority] - RANK[a.priority] || (a.id < b.id ? -1 : 1));
    const admitted: typeof all = [];
    for (const command of waiting) {
      const peers = [...active, ...admitted].filter(({ projectId }) => projectId === command.projectId);
      const isLocked = command.lock !== null && peers.some(({ lock }) => lock === command.lock);
      if (admitted.length < slots && !isLocked && peers.length < this.limits.runningPerProjectMax)
        admitted.push(command);
    }
    for (const { id } of admitted) {
      const lease = { leaseOwner: owner, leaseExpiresAt: now.getTime() + LEASE_MS };
      this.commands.change(id, { status: 'starting', admittedAt: now }, lease);
    }
    return admitted.map(({ id }) => id);
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
