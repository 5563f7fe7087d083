import { setTimeout as sleep } from 'node:timers/promises';
import { type AdmittedCommand, type SummaryRow, toSummary } from '@app/commands';
import { CommandExecutor, LEASE_SECONDS } from '@app/execution';
import { type QueueOrder, compareOrder } from '../../domain/queue-order.js';
import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';
import { Admission } from '../../application/admission.js';
import { QueueLimits } from '../../application/queue-limits.js';
import { type Candidate, Choice } from '../../domain/choice.js';
import { LOCK_LANES, LOOK, OVERDUE, START, TIDY_LANES } from './admission.sql.js';

/** An instance that is not known by then has to be asked for. */
const LOCATE_MS = 20;

/** Lanes in one look are those that could fill the slots, and some more. */
const SPARE_LANES = 10;

/** The priorities that a command can rise by, and one for the span of time that has begun. */
const LEVELS = 4;

/** Queued commands of one project, key and lock. */
interface Lane {
  readonly projectId: string;
  readonly keyId: string;
  readonly lock: string;
}

/** A lane with where it says it begins, what runs, and a command in it; `id` is null if there is none. */
interface LookRow extends Lane, Omit<Candidate, 'id' | 'keyId' | 'lock'> {
  readonly laneDueAt: Date;
  readonly laneTurn: number;
  readonly laneId: string;
  readonly id: string | null;
  readonly dueAt: Date;
  readonly turn: number;
  /** How many run in all, and how many admissions there were. */
  readonly running: number | null;
  readonly round: string;
}

type Queued = LookRow & { readonly id: string };

type StartedRow = SummaryRow & Pick<AdmittedCommand, 'startup'>;

interface Choices {
  readonly chosen: readonly Queued[];
  /** The admissions that it knows of. */
  readonly round: string;
}

/**
 * Looks, chooses and starts without a lock on the queue: a start fails if another has come after the look. So whoever
 * freezes or dies between two statements holds up nobody, and of those that admit at once, one always gets ahead.
 */
@Injectable()
export class PostgresAdmission implements Admission {
  /** Lanes that begin elsewhere now. */
  private readonly moved = new Map<string, Lane>();

  constructor(
    private readonly database: Database,
    private readonly limits: QueueLimits,
    private readonly executor: CommandExecutor,
  ) {}

  async admit(owner: string, slots: number): Promise<readonly AdmittedCommand[]> {
    for (;;) {
      const choices = await this.choose(slots);
      if (choices.chosen.length === 0) return [];
      const started = await this.start(owner, choices);
      if (started !== null) return started;
    }
  }

  async overdue(max: number): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(OVERDUE, [max]);
    return rows.map(({ id }) => id);
  }

  /**
   * Sets lanes to where they begin now, and removes the empty ones. One that is just being added to stays as it is: it
   * begins too early, which a later look finds.
   */
  async tidy(): Promise<void> {
    if (this.moved.size === 0) return;
    const lanes = [...this.moved.values()];
    this.moved.clear();
    await this.database.run(async () => {
      const locked = await this.database.query<Lane>(LOCK_LANES, columnsOf(lanes));
      // In a statement of its own, which sees all that was added before the lanes were locked.
      await this.database.query(TIDY_LANES, columnsOf(locked));
    });
  }

  /** Null if another admission came in between. */
  private async start(owner: string, { chosen, round }: Choices): Promise<readonly AdmittedCommand[] | null> {
    const instances = await Promise.all(chosen.map(({ projectId }) => this.locate(projectId)));
    const ids = chosen.map(({ id }) => id);
    const rows = await this.database.query<StartedRow | { id: null }>(START, [
      ids,
      owner,
      LEASE_SECONDS,
      round,
      instances,
    ]);
    if (rows.length === 0) return null;
    return rows
      .filter((row): row is StartedRow => row.id !== null)
      .map((row) => ({ ...toSummary(row), startup: row.startup }));
  }

  /**
   * Null if there is none, or none is known at once: the runner of the command finds out, and no other project waits
   * for that.
   */
  private locate(projectId: string): Promise<string | null> {
    const located = this.executor.locate(projectId, null).then(JSON.stringify, () => null);
    return Promise.race([located, sleep(LOCATE_MS, null, { ref: false })]);
  }

  /** Walks the lanes by where they begin, and offers their commands in the order of the queue. */
  private async choose(slots: number): Promise<Choices> {
    const choice = new Choice(slots, this.limits.runningPerProjectMax);
    const chosen: Queued[] = [];
    const lanes = slots + SPARE_LANES;
    let first: LookRow | undefined;
    let waiting: Queued[] = [];
    let walked: QueueOrder | null = { dueAt: new Date(0), turn: -1, id: '' };
    while (walked !== null && !choice.isFull) {
      const rows: readonly LookRow[] = await this.look(walked, lanes, slots);
      first ??= rows[0];
      // Something has ended since: what was passed over before could have run, and would now be overtaken.
      if (rows[0] && rows[0].running !== first?.running) return this.choose(slots);
      walked = endOfWalk(rows, lanes);
      for (const row of rows)
        if (!isQueued(row) || compareOrder(row, beginOf(row)) !== 0) this.moved.set(nameOf(row), row);
      // What lies behind the end of the walk may have others before it that were not seen yet.
      const end = walked;
      const all = [...waiting, ...rows.filter(isQueued)].sort(compareOrder);
      const sure = all.filter((queued) => end === null || compareOrder(queued, end) <= 0);
      waiting = all.slice(sure.length);
      chosen.push(...sure.filter((queued) => choice.offer({ ...queued, lock: queued.lock || null })));
    }
    for (const queued of chosen) this.moved.set(nameOf(queued), queued);
    return { chosen, round: first?.round ?? '' };
  }

  private look(after: QueueOrder, lanes: number, slots: number): Promise<LookRow[]> {
    const { runningPerProjectMax, agingSeconds } = this.limits;
    const perLane = Math.min(slots, runningPerProjectMax);
    const { dueAt, turn, id } = after;
    const parameters = [dueAt, turn, id, lanes, perLane, agingSeconds * LEVELS, runningPerProjectMax];
    return this.database.query<LookRow>(LOOK, parameters);
  }
}

function isQueued(row: LookRow): row is Queued {
  return row.id !== null;
}

function beginOf({ laneDueAt, laneTurn, laneId }: LookRow): QueueOrder {
  return { dueAt: laneDueAt, turn: laneTurn, id: laneId };
}

/** Where the next look goes on; null if all lanes were seen. */
function endOfWalk(rows: readonly LookRow[], lanes: number): QueueOrder | null {
  const last = rows.at(-1);
  return last === undefined || new Set(rows.map(nameOf)).size < lanes ? null : beginOf(last);
}

/** No part holds a space. */
function nameOf({ projectId, keyId, lock }: Lane): string {
  return `${projectId} ${keyId} ${lock}`;
}

function columnsOf(lanes: readonly Lane[]): string[][] {
  return [lanes.map(({ projectId }) => projectId), lanes.map(({ keyId }) => keyId), lanes.map(({ lock }) => lock)];
}
