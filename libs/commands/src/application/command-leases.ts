import type { LeaseHolder } from '@app/kernel';
import type { CommandSummary, EndedCommand, Instance } from '../domain/command.js';
import type { Ending } from '../domain/result.js';

/** A command that a replica runs. */
export interface HeldLease {
  readonly id: string;
  /** Null unless its cancellation was requested. */
  readonly cancelGraceSeconds: number | null;
}

/**
 * Which replica runs a command, and what it records about it. Changes by a replica that has lost the lease have no
 * effect.
 */
export abstract class CommandLeases {
  /**
   * Binds an admitted command to an instance unless it is already bound. Returns the instance it is bound to, or null
   * if the lease is lost.
   */
  abstract bind(id: string, owner: string, instance: Instance): Promise<Instance | null>;
  /** starting → running. Returns false if it was not starting, or the lease is lost. */
  abstract markRunning(id: string, owner: string): Promise<boolean>;
  /** Records whether the node responds; returns for how many seconds it has not. */
  abstract markReachable(id: string, owner: string, reachable: boolean): Promise<number>;
  /** Ends it and records its waiting time. Null if it had already ended, or the lease is lost. */
  abstract end(id: string, owner: string, ending: Ending): Promise<EndedCommand | null>;
  /**
   * Asks the replica that runs it to cancel it; a later request may shorten the grace period. Null if it is not
   * running, or that changes nothing.
   * @param why becomes the detail of the cancelled command; the first one counts
   */
  abstract requestCancel(id: string, graceSeconds: number, why: string): Promise<CommandSummary | null>;
  /** Records how many bytes of its stdin were written. */
  abstract noteStdin(id: string, bytes: number): Promise<void>;
  /** Renews the leases of these commands; returns those still held, and whether their cancellation was requested. */
  abstract renewLeases(ids: readonly string[], owner: string, leaseSeconds: number): Promise<readonly HeldLease[]>;
  /** Releases these commands, so that another replica can take over immediately. */
  abstract releaseLeases(ids: readonly string[], owner: string): Promise<void>;
  /** Takes over commands with an expired lease. */
  abstract takeOver(owner: string, leaseSeconds: number, max: number): Promise<readonly string[]>;
  /** Who has leases, at most 100 owners. */
  abstract holders(): Promise<readonly LeaseHolder[]>;
}
