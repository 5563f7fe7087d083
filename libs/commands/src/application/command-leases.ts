import type { CommandSummary, Instance } from '../domain/command.js';
import type { Ending } from '../domain/result.js';

/** A command that a replica runs. */
export interface HeldLease {
  readonly id: string;
  /** Null unless it is to be cancelled. */
  readonly cancelGraceSeconds: number | null;
}

/** Which replica runs a command, and what it notes of that. Changes by a replica that has lost the lease do nothing. */
export abstract class CommandLeases {
  /**
   * Binds an admitted command to an instance unless it is bound; answers the instance it is bound to, or null if the
   * lease is lost.
   */
  abstract bind(id: string, owner: string, instance: Instance): Promise<Instance | null>;
  /** starting → running. Answers false if it was not starting, or the lease is lost. */
  abstract markRunning(id: string, owner: string): Promise<boolean>;
  /** Notes whether the node answers; answers for how many seconds it has not. */
  abstract markReachable(id: string, owner: string, reachable: boolean): Promise<number>;
  /** Ends it, with the time that it waited. Null if it had ended, or the lease is lost. */
  abstract end(id: string, owner: string, ending: Ending): Promise<CommandSummary | null>;
  /**
   * Asks the replica that runs it to cancel it; a later request may shorten the grace. Null if it does not run.
   * @param why the first one is what it says when it was cancelled
   */
  abstract requestCancel(id: string, graceSeconds: number, why: string): Promise<CommandSummary | null>;
  /** Notes how many bytes of its stdin were written. */
  abstract noteStdin(id: string, bytes: number): Promise<void>;
  /** Renews the leases of these commands; answers those that are still held, and whether they are to be cancelled. */
  abstract renewLeases(ids: readonly string[], owner: string, leaseSeconds: number): Promise<readonly HeldLease[]>;
  /** Lets go of these commands, so that another replica takes over at once. */
  abstract releaseLeases(ids: readonly string[], owner: string): Promise<void>;
  /** Takes over commands whose lease has run out. */
  abstract takeOver(owner: string, leaseSeconds: number, max: number): Promise<readonly string[]>;
}
