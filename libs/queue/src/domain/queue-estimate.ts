/** A queued command and what is known of its project. */
export interface Waiting {
  readonly position: number;
  readonly waitedSeconds: number;
  /** Waits for something of unknown duration: a lock, the limit of its key, a pause, or the start of the project. */
  readonly isHeld: boolean;
  /** Running commands of the project, and their limit. */
  readonly running: number;
  readonly runningMax: number;
  /** Of the project's last commands; null if there were too few. */
  readonly meanSeconds: number | null;
}

/** A free slot is taken immediately; a command that still waits lacks room on a replica, for an unknown time. */
const AT_ONCE_SECONDS = 2;

/** Expected remaining wait in seconds; null if unknown. */
export function estimatedWaitSeconds(waiting: Waiting): number | null {
  const { position, waitedSeconds, isHeld, running, runningMax, meanSeconds } = waiting;
  if (isHeld) return null;
  const turn = position - Math.max(0, runningMax - running);
  if (turn <= 0) return waitedSeconds < AT_ONCE_SECONDS ? 0 : null;
  // n slots that each become free after a mean duration free the k-th after k/n of it.
  return meanSeconds === null ? null : Math.ceil((turn / runningMax) * meanSeconds);
}
