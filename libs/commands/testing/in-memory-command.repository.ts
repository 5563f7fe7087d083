import {
  type Actor,
  type Page,
  type PageRequest,
  decodeIdCursor,
  maySeeProject,
  toPage,
  type LeaseHolder,
} from '@app/kernel';
import { InMemoryTransactor } from '@app/kernel/testing';
import { aCreator } from './a-command.js';
import type { CommandLeases, HeldLease } from '../src/application/command-leases.js';
import type { CommandQueue, QueueRules } from '../src/application/command-queue.js';
import { type CommandFilter, type CommandRepository, UNENDED_MAX } from '../src/application/command.repository.js';
import {
  type Command,
  type CommandSummary,
  type EndedCommand,
  type Instance,
  type NewCommand,
  PRIORITIES,
  type Priority,
  outlineOf,
} from '../src/domain/command.js';
import type { Ending } from '../src/domain/result.js';
import { START } from '../src/domain/position.js';
import { hasEnded } from '../src/domain/status.js';

/** The position of a queued command, as the queue orders them. */
interface QueueOrder {
  readonly dueAt: Date;
  readonly turn: number;
  readonly id: string;
}

/** A command with the lease in its row. */
export interface CommandRow {
  readonly command: Command;
  readonly leaseOwner: string | null;
  readonly leaseExpiresAt: number | null;
  /** Its position while queued. */
  readonly order?: QueueOrder;
  readonly cancelReason?: string;
  readonly creator?: Actor;
}

const isActive = ({ status }: Command): boolean => status === 'starting' || status === 'running';

/** Commands in memory. Other fakes see and change the same rows. */
export class InMemoryCommandRepository implements CommandRepository, CommandQueue, CommandLeases {
  readonly rows = new Map<string, CommandRow>();

  constructor(private readonly transactor = new InMemoryTransactor()) {}

  /** Stores a command as it is, leased to the owner if it is active. */
  seed(command: Command, owner = 'replica', leaseSeconds = 60): void {
    const leased = isActive(command);
    this.write(command.id, {
      command,
      leaseOwner: leased ? owner : null,
      leaseExpiresAt: leased ? Date.now() + leaseSeconds * 1000 : null,
    });
  }

  /** The row if the replica holds its lease. */
  held(id: string, owner: string): CommandRow | null {
    const row = this.rows.get(id);
    return row !== undefined && isActive(row.command) && row.leaseOwner === owner ? row : null;
  }

  change(id: string, changes: Partial<Command>, lease: Partial<Omit<CommandRow, 'command'>> = {}): Command | null {
    const row = this.rows.get(id);
    if (row === undefined) return null;
    const command = { ...row.command, ...changes };
    this.write(id, { ...row, ...lease, command });
    return command;
  }

  async countQueued(projectId: string): Promise<number> {
    return this.queuedWith({ id: '', projectId }).length;
  }

  async enqueue({ queueTimeoutSeconds, creator, ...command }: NewCommand, rules: QueueRules): Promise<Command | null> {
    if (this.queuedWith(command).length >= rules.queuedMax) return null;
    const createdAt = new Date();
    const queueExpiresAt =
      queueTimeoutSeconds === null ? null : new Date(createdAt.getTime() + queueTimeoutSeconds * 1000);
    this.seed({
      ...command,
      type: command.spec.work.type,
      outline: outlineOf(command.spec),
      status: 'queued',
      createdAt,
      queueExpiresAt,
      admittedAt: null,
      startedAt: null,
      firstByteAt: null,
      endedAt: null,
      unreachableSince: null,
      cancel: null,
      instance: null,
      position: START,
      stdinBytes: null,
      result: null,
    });
    this.change(command.id, {}, { creator });
    this.place(command.id, rules);
    return this.findById(command.id);
  }

  async reprioritize(id: string, priority: Priority, rules: QueueRules): Promise<CommandSummary | null> {
    if (this.rows.get(id)?.command.status !== 'queued') return null;
    const command = this.change(id, { priority });
    this.place(id, rules);
    return toSummary(command);
  }

  async findById(id: string): Promise<Command | null> {
    return this.rows.get(id)?.command ?? null;
  }

  async findSummary(id: string): Promise<CommandSummary | null> {
    const command = await this.findById(id);
    return toSummary(command);
  }

  async list(filter: CommandFilter, { limit, cursor }: PageRequest): Promise<Page<CommandSummary>> {
    const before = decodeIdCursor(cursor, 'cmd');
    const { projectId, statuses, type, keyId, labels, since, until, visibleProjects } = filter;
    const found = [...this.rows.values()]
      .map(({ command }) => command)
      .filter((command) => before === null || command.id < before)
      .filter((command) => projectId === undefined || command.projectId === projectId)
      .filter((command) => statuses === undefined || statuses.includes(command.status))
      .filter((command) => type === undefined || command.type === type)
      .filter((command) => keyId === undefined || command.keyId === keyId)
      .filter((command) => Object.entries(labels).every(([name, value]) => command.labels[name] === value))
      .filter((command) => since === undefined || command.createdAt >= since)
      .filter((command) => until === undefined || command.createdAt < until)
      .filter((command) => maySeeProject({ projects: visibleProjects }, command.projectId))
      .sort((a, b) => (a.id < b.id ? 1 : -1))
      .map((command) => toSummary(command));
    return toPage(found.slice(0, limit + 1), limit, ({ id }) => [id]);
  }

  async bind(id: string, owner: string, instance: Instance): Promise<Instance | null> {
    const row = this.held(id, owner);
    if (row === null) return null;
    return this.change(id, { instance: row.command.instance ?? instance })?.instance ?? null;
  }

  async markRunning(id: string, owner: string): Promise<boolean> {
    if (this.held(id, owner)?.command.status !== 'starting') return false;
    this.change(id, { status: 'running', startedAt: new Date() });
    return true;
  }

  async markReachable(id: string, owner: string, reachable: boolean): Promise<number> {
    const row = this.held(id, owner);
    if (row === null) return 0;
    const since = reachable ? null : (row.command.unreachableSince ?? new Date());
    this.change(id, { unreachableSince: since });
    return since === null ? 0 : (Date.now() - since.getTime()) / 1000;
  }

  async end(id: string, owner: string, ending: Ending): Promise<EndedCommand | null> {
    return this.held(id, owner) === null ? null : this.finish(id, ending);
  }

  async endQueued(id: string, ending: Ending): Promise<EndedCommand | null> {
    return this.rows.get(id)?.command.status === 'queued' ? this.finish(id, ending) : null;
  }

  async unended(projectId: string, before: Date | null = null): Promise<readonly string[]> {
    return [...this.rows.values()]
      .filter(({ command }) => command.projectId === projectId && !hasEnded(command.status))
      .filter(({ command }) => before === null || command.createdAt < before)
      .sort((a, b) => Number(a.command.cancel?.requestedAt ?? 0) - Number(b.command.cancel?.requestedAt ?? 0))
      .slice(0, UNENDED_MAX)
      .map(({ command }) => command.id);
  }

  async requestCancel(id: string, graceSeconds: number, why: string): Promise<CommandSummary | null> {
    const row = this.rows.get(id);
    if (row === undefined || !isActive(row.command)) return null;
    const known = row.command.cancel;
    if (known !== null && known.graceSeconds <= graceSeconds) return null;
    const before = known ?? { requestedAt: new Date(), graceSeconds };
    const cancel = { ...before, graceSeconds: Math.min(before.graceSeconds, graceSeconds) };
    return toSummary(this.change(id, { cancel }, { cancelReason: row.cancelReason ?? why }));
  }

  async noteStdin(id: string, bytes: number): Promise<void> {
    this.change(id, { stdinBytes: Math.max(this.rows.get(id)?.command.stdinBytes ?? 0, bytes) });
  }

  async dropInputs(olderThanSeconds: number, max: number): Promise<number> {
    const due = [...this.rows.values()]
      .map(({ command }) => command)
      .filter(({ endedAt }) => endedAt !== null && endedAt.getTime() <= Date.now() - olderThanSeconds * 1000)
      .filter(
        ({ spec }) => Object.values(spec.env).join('') !== '' || (spec.stdin.kind === 'text' && spec.stdin.text !== ''),
      )
      .slice(0, max);
    for (const { id, spec } of due) {
      const env = Object.fromEntries(Object.keys(spec.env).map((name) => [name, '']));
      const stdin = spec.stdin.kind === 'text' ? { ...spec.stdin, text: '' } : spec.stdin;
      this.change(id, { spec: { ...spec, env, stdin } });
    }
    return due.length;
  }

  async renewLeases(ids: readonly string[], owner: string, leaseSeconds: number): Promise<readonly HeldLease[]> {
    const held = ids.flatMap((id) => this.held(id, owner)?.command ?? []);
    for (const { id } of held) this.change(id, {}, { leaseExpiresAt: Date.now() + leaseSeconds * 1000 });
    return held.map(({ id, cancel }) => ({ id, cancelGraceSeconds: cancel?.graceSeconds ?? null }));
  }

  async releaseLeases(ids: readonly string[], owner: string): Promise<void> {
    await this.renewLeases(ids, owner, 0);
  }

  async takeOver(owner: string, leaseSeconds: number, max: number): Promise<readonly string[]> {
    const ids = [...this.rows.values()]
      .filter(
        ({ command, leaseExpiresAt }) => isActive(command) && leaseExpiresAt !== null && leaseExpiresAt <= Date.now(),
      )
      .sort((a, b) => (a.leaseExpiresAt ?? 0) - (b.leaseExpiresAt ?? 0))
      .slice(0, max)
      .map(({ command }) => command.id);
    for (const id of ids) this.change(id, {}, { leaseOwner: owner, leaseExpiresAt: Date.now() + leaseSeconds * 1000 });
    return ids;
  }

  async holders(): Promise<readonly LeaseHolder[]> {
    const held = [...this.rows.values()].filter(({ command, leaseOwner }) => isActive(command) && leaseOwner !== null);
    return [...Map.groupBy(held, ({ leaseOwner }) => leaseOwner ?? '')].map(([owner, rows]) => {
      const expiresAt = Math.min(...rows.map((row) => row.leaseExpiresAt ?? 0));
      return { owner, count: rows.length, expiresAt: new Date(expiresAt) };
    });
  }

  private queuedWith({ id, projectId }: Pick<Command, 'id' | 'projectId'>): readonly CommandRow[] {
    return [...this.rows.values()].filter(
      ({ command }) => command.projectId === projectId && command.status === 'queued' && command.id !== id,
    );
  }

  private place(id: string, { agingSeconds }: QueueRules): void {
    const row = this.rows.get(id)!;
    const { createdAt, priority, keyId } = row.command;
    const at = dueAt(createdAt, priority, agingSeconds);
    const equals = this.queuedWith(row.command).filter(({ order }) => order?.dueAt.getTime() === at.getTime());
    const turns = (rows: readonly CommandRow[]): number[] => rows.map(({ order }) => order!.turn);
    const own = turns(equals.filter(({ command }) => command.keyId === keyId));
    const begun = equals.length === 0 ? 0 : Math.min(...turns(equals));
    const turn = Math.max(begun, ...own.map((last) => last + 1));
    this.write(id, { ...row, order: { dueAt: at, turn, id } });
  }

  private finish(id: string, { status, result: ending }: Ending): EndedCommand | null {
    const row = this.rows.get(id);
    if (row === undefined) return null;
    const endedAt = new Date();
    const queueMs = (row.command.admittedAt ?? endedAt).getTime() - row.command.createdAt.getTime();
    const detail = status === 'cancelled' && row.cancelReason !== undefined ? { detail: row.cancelReason } : {};
    const result = { queueMs, ...detail, ...ending };
    const changes = { status, endedAt, unreachableSince: null, result };
    const ended = this.change(id, changes, { leaseOwner: null, leaseExpiresAt: null });
    return ended && { ...toSummary(ended), result, creator: row.creator ?? aCreator(ended.keyId) };
  }

  private write(id: string, row: CommandRow): void {
    const before = this.rows.get(id);
    this.rows.set(id, row);
    this.transactor.onRollback(() => {
      if (before === undefined) this.rows.delete(id);
      else this.rows.set(id, before);
    });
  }
}

function toSummary(command: Command): CommandSummary;
function toSummary(command: Command | null): CommandSummary | null;
function toSummary(command: Command | null): CommandSummary | null {
  if (command === null) return null;
  const { spec: _spec, ...summary } = command;
  return summary;
}

/**
 * Time is divided into spans of `agingSeconds`. A command's weight is its priority, plus one for each span boundary
 * since its creation. Commands that are equal at one time are always equal, and have the same `dueAt`.
 */
function dueAt(createdAt: Date, priority: Priority, agingSeconds: number): Date {
  const agingMs = agingSeconds * 1000;
  return new Date((Math.floor(createdAt.getTime() / agingMs) - PRIORITIES.indexOf(priority)) * agingMs);
}
