/** A queued command with its current limits. */
export interface Candidate {
  readonly id: string;
  readonly projectId: string;
  readonly keyId: string | null;
  readonly lock: string | null;
  /** It has waited so long that no command queued from now on can precede it. */
  readonly isAged: boolean;
  /** Running commands of its project and of its key, before this selection. */
  readonly projectRunning: number;
  readonly keyRunning: number;
  /** Null: no limit. */
  readonly keyMax: number | null;
}

/**
 * Admits candidates, which arrive in queue order. Those that cannot run are skipped, with one exception: an aged
 * command that waits for its project or its key reserves the slot and the lock that it is not waiting for, one per
 * project and per key. Otherwise other commands could alternate on what it needs, and it would never find all of it
 * free at the same time.
 */
export class Scheduler {
  readonly ids: string[] = [];
  private readonly inProject = new Map<string, number>();
  private readonly ofKey = new Map<string, number>();
  private readonly locks = new Set<string>();
  private readonly reserving = new Set<string>();

  constructor(
    private readonly slots: number,
    private readonly runningPerProjectMax: number,
  ) {}

  get isFull(): boolean {
    return this.ids.length >= this.slots;
  }

  /** Returns whether it was admitted. */
  // eslint-disable-next-line complexity -- all limits of one decision
  tryAdmit(candidate: Candidate): boolean {
    const { id, projectId, keyId, lock } = candidate;
    if (this.isFull || this.locks.has(lockOf(candidate))) return false;
    const inProject = candidate.projectRunning + (this.inProject.get(projectId) ?? 0);
    const ofKey = candidate.keyRunning + (this.ofKey.get(keyId ?? '') ?? 0);
    const fits = inProject < this.runningPerProjectMax && (candidate.keyMax === null || ofKey < candidate.keyMax);
    if (!fits && !(candidate.isAged && this.mayReserve(candidate))) return false;
    this.inProject.set(projectId, (this.inProject.get(projectId) ?? 0) + 1);
    this.ofKey.set(keyId ?? '', (this.ofKey.get(keyId ?? '') ?? 0) + 1);
    if (lock !== null) this.locks.add(lockOf(candidate));
    if (fits) this.ids.push(id);
    return fits;
  }

  private mayReserve({ projectId, keyId, keyMax }: Candidate): boolean {
    const [project, key] = [`project ${projectId}`, `key ${keyId ?? ''}`];
    if (keyMax === null || this.reserving.has(project) || this.reserving.has(key)) return false;
    this.reserving.add(project).add(key);
    return true;
  }
}

/** Neither ids nor locks contain spaces. */
function lockOf({ id, projectId, lock }: Candidate): string {
  return lock === null ? id : `${projectId} ${lock}`;
}
