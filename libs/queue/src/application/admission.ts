/** Decides which queued commands get a slot. Right under any number of replicas. */
export abstract class Admission {
  /**
   * Admits at most `slots` commands in the order of the queue, within the limits of their projects, keys and locks, and
   * leases them to `owner`. Answers their ids. Fewer than `slots`: nothing else can run now.
   */
  abstract admit(owner: string, slots: number): Promise<readonly string[]>;
  /** Queued commands whose time in the queue is over, at most `max`. */
  abstract overdue(max: number): Promise<readonly string[]>;
}
