/** What is known of a queued command and its project. */
export interface Waiting {
  readonly position: number;
  readonly waitedSeconds: number;
  /** It waits for something of which nobody knows how long it takes: a lock, the limit of its key, a pause, a start. */
  readonly isHeld: boolean;
  /** Running commands of the project, and how many may be. */
  readonly running: number;
  readonly runningMax: number;
  /** Of the project's last commands; null if there were too few. */
  readonly meanSeconds: number | null;
}

/** A free slot is taken at once; who still waits then waits for room on a replica, and that is anybody's guess. */
const AT_ONCE_SECONDS = 2;

/** Seconds that a command is likely to go on waiting; null if what is known does not tell. */
export function estimatedWaitSeconds(waiting: Waiting): number | null {
  const { position, waitedSeconds, isHeld, running, runningMax, meanSeconds } = waiting;
  if (isHeld) return null;
  const turn = position - Math.max(0, runningMax - running);
  if (turn <= 0) return waitedSeconds < AT_ONCE_SECONDS ? 0 : null;
  // With n slots that are each free again after a mean duration, the k-th to be free is so after k/n of it.
  return meanSeconds === null ? null : Math.ceil((turn / runningMax) * meanSeconds);
}
