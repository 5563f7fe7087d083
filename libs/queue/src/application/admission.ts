import type { AdmittedCommand } from '@app/commands';

/** Decides which queued commands get a slot. Right under any number of replicas. */
export abstract class Admission {
  /**
   * Admits at most `slots` commands in the order of the queue, within the limits of their projects, keys and locks,
   * leases them to `owner` and, where their project has an instance that takes commands, binds them to it. Answers them
   * as they then are, with the variables of their projects. Fewer than `slots`: nothing else can run now.
   */
  abstract admit(owner: string, slots: number): Promise<readonly AdmittedCommand[]>;
  /**
   * Clears up behind what was admitted. That can wait until all of it is under way: left undone, it costs later looks
   * time.
   */
  abstract tidy(): Promise<void>;
  /** Queued commands whose time in the queue is over, at most `max`. */
  abstract overdue(max: number): Promise<readonly string[]>;
}
