import type { AdmittedCommand } from '@app/commands';

/** Decides which queued commands get a slot. Correct with any number of replicas. */
export abstract class Admission {
  /**
   * Admits at most `slots` commands in queue order, within the limits of their projects, keys and locks. Leases them to
   * `owner` and binds them to their project's instance if it has one that takes commands.
   * @returns the commands as they are afterwards, with their projects' variables; fewer than `slots` if nothing else
   *   can run
   */
  abstract admit(owner: string, slots: number): Promise<readonly AdmittedCommand[]>;
  /**
   * Compacts the queue after an admission. Can be delayed until the admitted commands are starting: leaving it out only
   * slows later admissions.
   */
  abstract compact(): Promise<void>;
  /** Queued commands whose queue timeout has passed, at most `max`. */
  abstract overdue(max: number): Promise<readonly string[]>;
}
