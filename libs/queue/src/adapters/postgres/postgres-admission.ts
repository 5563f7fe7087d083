import { setTimeout as sleep } from 'node:timers/promises';
import { type AdmittedCommand, type SummaryRow, toSummary } from '@app/commands';
import { CommandExecutor, LEASE_SECONDS } from '@app/execution';
import { type QueueOrder, compareOrder } from '../../domain/queue-order.js';
import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';
import { Admission } from '../../application/admission.js';
import { QueueLimits } from '../../application/queue-limits.js';
import { type Candidate, Scheduler } from '../../domain/scheduler.js';
import { LOCK_LANES, CANDIDATES, OVERDUE, START, COMPACT_LANES } from './admission.sql.js';

/** If an instance is not cached, locating it takes longer; the command's runner does that. */
const LOCATE_MS = 20;

/** Lanes read per query beyond those that could fill the slots. */
const SPARE_LANES = 10;

/** The levels by which a command's priority can rise, plus one for the current time span. */
const LEVELS = 4;

/** Queued commands of one project, key and lock. */
interface Lane {
  readonly projectId: string;
  readonly keyId: string;
  readonly lock: string;
}

/** A lane with its recorded head, the active counts, and one of its commands; `id` is null if it has none. */
interface CandidateRow extends Lane, Omit<Candidate, 'id' | 'keyId' | 'lock'> {
  readonly laneDueAt: Date;
  readonly laneTurn: number;
  readonly laneId: string;
  readonly id: string | null;
  readonly dueAt: Date;
  readonly turn: number;
  /** Running commands in total, and the number of the current admission round. */
  readonly running: number | null;
  readonly round: string;
}

type Queued = CandidateRow & { readonly id: string };

type StartedRow = SummaryRow & Pick<AdmittedCommand, 'startup'>;

interface Selection {
  readonly selected: readonly Queued[];
  /** The admission round in which the candidates were read. */
  readonly round: string;
}

/**
 * Reads candidates, selects and starts without locking the queue: the start fails if another admission came after the
 * candidates were read. A replica that freezes or dies between the two statements therefore delays no other, and of
 * concurrent admissions at least one always succeeds.
 */
@Injectable()
export class PostgresAdmission implements Admission {
  /** Lanes whose recorded head is out of date. */
  private readonly stale = new Map<string, Lane>();

  constructor(
    private readonly database: Database,
    private readonly limits: QueueLimits,
    private readonly executor: CommandExecutor,
  ) {}

  async admit(owner: string, slots: number): Promise<readonly AdmittedCommand[]> {
    for (;;) {
      const selection = await this.select(slots);
      if (selection.selected.length === 0) return [];
      const started = await this.start(owner, selection);
      if (started !== null) return started;
    }
  }

  async overdue(max: number): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(OVERDUE, [max]);
    return rows.map(({ id }) => id);
  }

  /**
   * Updates the heads of lanes and removes empty lanes. A lane that a command is just being added to is skipped: its
   * head is too early, which a later admission corrects.
   */
  async compact(): Promise<void> {
    if (this.stale.size === 0) return;
    const lanes = [...this.stale.values()];
    this.stale.clear();
    await this.database.run(async () => {
      const locked = await this.database.query<Lane>(LOCK_LANES, columnsOf(lanes));
      // A separate statement, so that it sees everything added before the lanes were locked.
      await this.database.query(COMPACT_LANES, columnsOf(locked));
    });
  }

  /** Null if another admission came in between. */
  private async start(owner: string, { selected, round }: Selection): Promise<readonly AdmittedCommand[] | null> {
    const instances = await Promise.all(selected.map(({ projectId }) => this.locate(projectId)));
    const ids = selected.map(({ id }) => id);
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

  /** Null if there is none or none is cached: the command's runner then locates it, without delaying other projects. */
  private locate(projectId: string): Promise<string | null> {
    const located = this.executor.locate(projectId, null).then(JSON.stringify, () => null);
    return Promise.race([located, sleep(LOCATE_MS, null, { ref: false })]);
  }

  /** Walks the lanes by their heads, and tries to admit their commands in queue order. */
  private async select(slots: number): Promise<Selection> {
    const scheduler = new Scheduler(slots, this.limits.runningPerProjectMax);
    const selected: Queued[] = [];
    const lanes = slots + SPARE_LANES;
    let first: CandidateRow | undefined;
    let unordered: Queued[] = [];
    let cursor: QueueOrder | null = { dueAt: new Date(0), turn: -1, id: '' };
    while (cursor !== null && !scheduler.isFull) {
      const rows: readonly CandidateRow[] = await this.readCandidates(cursor, lanes, slots);
      first ??= rows[0];
      // A command has ended meanwhile: a command skipped earlier could now run, and must not be overtaken.
      if (rows[0] && rows[0].running !== first?.running) return this.select(slots);
      cursor = cursorAfter(rows, lanes);
      for (const row of rows)
        if (!isQueued(row) || compareOrder(row, headOf(row)) !== 0) this.stale.set(nameOf(row), row);
      // Commands after the cursor may be preceded by some that have not been read yet.
      const end = cursor;
      const all = [...unordered, ...rows.filter(isQueued)].sort(compareOrder);
      const ordered = all.filter((queued) => end === null || compareOrder(queued, end) <= 0);
      unordered = all.slice(ordered.length);
      selected.push(...ordered.filter((queued) => scheduler.tryAdmit({ ...queued, lock: queued.lock || null })));
    }
    for (const queued of selected) this.stale.set(nameOf(queued), queued);
    return { selected, round: first?.round ?? '' };
  }

  private readCandidates(after: QueueOrder, lanes: number, slots: number): Promise<CandidateRow[]> {
    const { runningPerProjectMax, agingSeconds } = this.limits;
    const perLane = Math.min(slots, runningPerProjectMax);
    const { dueAt, turn, id } = after;
    const parameters = [dueAt, turn, id, lanes, perLane, agingSeconds * LEVELS, runningPerProjectMax];
    return this.database.query<CandidateRow>(CANDIDATES, parameters);
  }
}

function isQueued(row: CandidateRow): row is Queued {
  return row.id !== null;
}

function headOf({ laneDueAt, laneTurn, laneId }: CandidateRow): QueueOrder {
  return { dueAt: laneDueAt, turn: laneTurn, id: laneId };
}

/** Where the next query continues; null after the last lane. */
function cursorAfter(rows: readonly CandidateRow[], lanes: number): QueueOrder | null {
  const last = rows.at(-1);
  return last === undefined || new Set(rows.map(nameOf)).size < lanes ? null : headOf(last);
}

/** None of the parts contains a space. */
function nameOf({ projectId, keyId, lock }: Lane): string {
  return `${projectId} ${keyId} ${lock}`;
}

function columnsOf(lanes: readonly Lane[]): string[][] {
  return [lanes.map(({ projectId }) => projectId), lanes.map(({ keyId }) => keyId), lanes.map(({ lock }) => lock)];
}
