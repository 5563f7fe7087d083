/** A queued command, with what its limits allow at present. */
export interface Candidate {
  readonly id: string;
  readonly projectId: string;
  readonly keyId: string | null;
  readonly lock: string | null;
  /** It has waited for so long that nothing that is queued from now on can come before it. */
  readonly isAged: boolean;
  /** How many run in its project, and of its key, before anything is chosen. */
  readonly projectRunning: number;
  readonly keyRunning: number;
  /** Null: no limit. */
  readonly keyMax: number | null;
}

/**
 * Chooses from candidates that come in the order of the queue. What cannot run is passed over, with one exception: an
 * aged command that waits for its project or its key holds the slot and the lock that it does not wait for, one in each
 * project and of each key. Else others could take turns with what it needs, and it would never find all of it free at
 * once.
 */
export class Choice {
  readonly ids: string[] = [];
  private readonly inProject = new Map<string, number>();
  private readonly ofKey = new Map<string, number>();
  private readonly locks = new Set<string>();
  private readonly holders = new Set<string>();

  constructor(
    private readonly slots: number,
    private readonly runningPerProjectMax: number,
  ) {}

  get isFull(): boolean {
    return this.ids.length >= this.slots;
  }

  /** Answers whether it was chosen. */
  // eslint-disable-next-line complexity -- all limits of one decision
  offer(candidate: Candidate): boolean {
    const { id, projectId, keyId, lock } = candidate;
    if (this.isFull || this.locks.has(lockOf(candidate))) return false;
    const inProject = candidate.projectRunning + (this.inProject.get(projectId) ?? 0);
    const ofKey = candidate.keyRunning + (this.ofKey.get(keyId ?? '') ?? 0);
    const fits = inProject < this.runningPerProjectMax && (candidate.keyMax === null || ofKey < candidate.keyMax);
    if (!fits && !(candidate.isAged && this.mayHold(candidate))) return false;
    this.inProject.set(projectId, (this.inProject.get(projectId) ?? 0) + 1);
    this.ofKey.set(keyId ?? '', (this.ofKey.get(keyId ?? '') ?? 0) + 1);
    if (lock !== null) this.locks.add(lockOf(candidate));
    if (fits) this.ids.push(id);
    return fits;
  }

  private mayHold({ projectId, keyId, keyMax }: Candidate): boolean {
    const [project, key] = [`project ${projectId}`, `key ${keyId ?? ''}`];
    if (keyMax === null || this.holders.has(project) || this.holders.has(key)) return false;
    this.holders.add(project).add(key);
    return true;
  }
}

/** Neither ids nor locks hold spaces. */
function lockOf({ id, projectId, lock }: Candidate): string {
  return lock === null ? id : `${projectId} ${lock}`;
}
