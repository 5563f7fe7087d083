import { LEASE_SECONDS, type QueueOrder, compareOrder } from '@app/commands';
import { Database } from '@app/database';
import { Injectable } from '@nestjs/common';
import { Admission } from '../../application/admission.js';
import { QueueLimits } from '../../application/queue-limits.js';
import { type Candidate, Choice } from '../../domain/choice.js';
import { BUSY, FOREMOST, LOCK, LOCK_LANES, OVERDUE, START, TIDY_LANES } from './admission.sql.js';

const ADMISSION_LOCK = 7_236_873;

/** Lanes in one look are those that could fill the slots, and some more. */
const SPARE_LANES = 10;

/** The priorities that a command can rise by, and one for the span of time that has begun. */
const LEVELS = 4;

interface Lane {
  readonly projectId: string;
  readonly keyId: string;
  readonly lock: string;
}

/** Commands of a project, key and lock that have a slot. */
interface BusyRow extends Lane {
  readonly running: number;
  /** Of the key. */
  readonly keyMax: number | null;
}

/** A lane with where it says it begins, and a command in it; `id` is null if there is none. */
interface ForemostRow extends Lane {
  readonly laneDueAt: Date;
  readonly laneTurn: number;
  readonly laneId: string;
  readonly keyMax: number | null;
  readonly id: string | null;
  readonly dueAt: Date;
  readonly turn: number;
  readonly isAged: boolean;
}

type Queued = ForemostRow & { readonly id: string };

@Injectable()
export class TypeormAdmission extends Admission {
  constructor(
    private readonly database: Database,
    private readonly limits: QueueLimits,
  ) {
    super();
  }

  admit(owner: string, slots: number): Promise<readonly string[]> {
    return this.database.run(async () => {
      // In a statement of its own: the next one then counts what an earlier holder of the lock admitted.
      await this.database.query(LOCK, [ADMISSION_LOCK]);
      const { ids, moved } = await this.choose(slots);
      const admitted =
        ids.length === 0 ? [] : await this.database.query<{ id: string }>(START, [ids, owner, LEASE_SECONDS]);
      if (moved.length > 0) await this.tidy(moved);
      return admitted.map(({ id }) => id);
    });
  }

  async overdue(max: number): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }>(OVERDUE, [max]);
    return rows.map(({ id }) => id);
  }

  /** Walks the lanes by where they begin, and offers their commands in the order of the queue. Also names lanes that begin elsewhere now. */
  private async choose(slots: number): Promise<{ readonly ids: readonly string[]; readonly moved: readonly Lane[] }> {
    const choice = new Choice(slots, this.limits.runningPerProjectMax);
    const lanes = slots + SPARE_LANES;
    const moved = new Map<string, Lane>();
    const busy =
      slots > 0 ? new Busy(await this.database.query<BusyRow>(BUSY), this.limits.runningPerProjectMax) : null;
    let waiting: Queued[] = [];
    let walked: QueueOrder | null = { dueAt: new Date(0), turn: -1, id: '' };
    while (busy !== null && walked !== null && !choice.isFull) {
      const rows: readonly ForemostRow[] = await this.foremost(walked, lanes, slots, busy);
      walked = endOfWalk(rows, lanes);
      for (const row of rows) if (!isQueued(row) || compareOrder(row, beginOf(row)) !== 0) moved.set(nameOf(row), row);
      // What lies behind the end of the walk may have others before it that were not seen yet.
      const end = walked;
      const all = [...waiting, ...rows.filter(isQueued)].sort(compareOrder);
      const sure = all.filter((queued) => end === null || compareOrder(queued, end) <= 0);
      waiting = all.slice(sure.length);
      for (const queued of sure) if (choice.offer(busy.candidate(queued))) moved.set(nameOf(queued), queued);
    }
    return { ids: choice.ids, moved: [...moved.values()] };
  }

  private foremost(after: QueueOrder, lanes: number, slots: number, busy: Busy): Promise<ForemostRow[]> {
    const { runningPerProjectMax, agingSeconds } = this.limits;
    const perLane = Math.min(slots, runningPerProjectMax);
    const { dueAt, turn, id } = after;
    const { fullProjects, fullKeys, heldLocks } = busy;
    const parameters = [dueAt, turn, id, lanes, perLane, agingSeconds * LEVELS, fullProjects, fullKeys, heldLocks];
    return this.database.query<ForemostRow>(FOREMOST, parameters);
  }

  /**
   * Sets lanes to where they begin now, and removes the empty ones. One that is just being added to stays as it is: it
   * begins too early, which a later round finds.
   */
  private async tidy(lanes: readonly Lane[]): Promise<void> {
    const locked = await this.database.query<Lane>(LOCK_LANES, columnsOf(lanes));
    // In a statement of its own, which sees all that was added before the lanes were locked.
    await this.database.query(TIDY_LANES, columnsOf(locked));
  }
}

/** What has a slot already. */
class Busy {
  private readonly inProject = new Map<string, number>();
  private readonly ofKey = new Map<string, number>();
  readonly heldLocks: readonly string[];
  readonly fullProjects: readonly string[];
  readonly fullKeys: readonly string[];

  constructor(rows: readonly BusyRow[], runningPerProjectMax: number) {
    const maxima = new Map<string, number | null>();
    for (const { projectId, keyId, running, keyMax } of rows) {
      this.inProject.set(projectId, (this.inProject.get(projectId) ?? 0) + running);
      this.ofKey.set(keyId, (this.ofKey.get(keyId) ?? 0) + running);
      maxima.set(keyId, keyMax);
    }
    this.heldLocks = rows.filter(({ lock }) => lock !== '').map(({ projectId, lock }) => `${projectId} ${lock}`);
    this.fullProjects = [...this.inProject].filter(([, running]) => running >= runningPerProjectMax).map(([id]) => id);
    this.fullKeys = [...this.ofKey]
      .filter(([id, running]) => running >= (maxima.get(id) ?? Infinity))
      .map(([id]) => id);
  }

  candidate(queued: Queued): Candidate {
    return {
      ...queued,
      lock: queued.lock === '' ? null : queued.lock,
      projectRunning: this.inProject.get(queued.projectId) ?? 0,
      keyRunning: this.ofKey.get(queued.keyId) ?? 0,
    };
  }
}

function isQueued(row: ForemostRow): row is Queued {
  return row.id !== null;
}

function beginOf({ laneDueAt, laneTurn, laneId }: ForemostRow): QueueOrder {
  return { dueAt: laneDueAt, turn: laneTurn, id: laneId };
}

/** Where the next look goes on; null if all lanes were seen. */
function endOfWalk(rows: readonly ForemostRow[], lanes: number): QueueOrder | null {
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
