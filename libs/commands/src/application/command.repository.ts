import type { Page, PageRequest } from '@app/kernel';
import type { Command, CommandType, Instance, NewCommand, Priority } from '../domain/command.js';
import type { CommandStatus } from '../domain/status.js';
import type { Ending } from '../domain/result.js';

export interface CommandFilter {
  readonly projectId?: string | undefined;
  readonly statuses?: readonly CommandStatus[] | undefined;
  readonly type?: CommandType | undefined;
  readonly keyId?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Created at or after that time. */
  readonly since?: Date | undefined;
  /** Globs of project ids; null: all. */
  readonly visibleProjects: readonly string[] | null;
}

/** How a project's queue is kept. */
export interface QueueRules {
  readonly queuedMax: number;
  /** Waiting for so long raises a queued command by one priority. */
  readonly agingSeconds: number;
}

/** A command that a replica runs. */
export interface HeldLease {
  readonly id: string;
  /** Null unless it is to be cancelled. */
  readonly cancelGraceSeconds: number | null;
}

/** Where commands are kept. A lease says which replica runs a command; changes by a replica that has lost it do nothing. */
export abstract class CommandRepository {
  /** Answers null, and adds nothing, if the project's queue is full: exact, also when several replicas add at once. */
  abstract enqueue(command: NewCommand, rules: QueueRules): Promise<Command | null>;
  /** How many commands of the project wait. */
  abstract countQueued(projectId: string): Promise<number>;
  /** Gives a queued command the place in the queue that the priority and its age give it. Null if it is not queued. */
  abstract reprioritize(id: string, priority: Priority, rules: QueueRules): Promise<Command | null>;
  /** Null if there is none. */
  abstract findById(id: string): Promise<Command | null>;
  /** Newest first. */
  abstract list(filter: CommandFilter, page: PageRequest): Promise<Page<Command>>;
  /** Commands of a project that have not ended; if a time is given, those created before it. */
  abstract unended(projectId: string, before?: Date | null): Promise<readonly string[]>;
  /** Binds an admitted command to an instance unless it is bound; answers the instance it is bound to, or null if the lease is lost. */
  abstract bind(id: string, owner: string, instance: Instance): Promise<Instance | null>;
  /** starting → running. Answers false if it was not starting, or the lease is lost. */
  abstract markRunning(id: string, owner: string): Promise<boolean>;
  /** Notes whether the node answers; answers for how many seconds it has not. */
  abstract markReachable(id: string, owner: string, reachable: boolean): Promise<number>;
  /** Ends it, with the time that it waited. Null if it had ended, or the lease is lost. */
  abstract end(id: string, owner: string, ending: Ending): Promise<Command | null>;
  /** Ends a command that is still queued. Null if it is not. */
  abstract endQueued(id: string, ending: Ending): Promise<Command | null>;
  /** Asks the replica that runs it to cancel it; a later request may shorten the grace. Null if it does not run. */
  abstract requestCancel(id: string, graceSeconds: number): Promise<Command | null>;
  /** Renews the leases of these commands; answers those that are still held, and whether they are to be cancelled. */
  abstract renewLeases(ids: readonly string[], owner: string, leaseSeconds: number): Promise<readonly HeldLease[]>;
  /** Lets go of these commands, so that another replica takes over at once. */
  abstract releaseLeases(ids: readonly string[], owner: string): Promise<void>;
  /** Takes over commands whose lease has run out. */
  abstract takeOver(owner: string, leaseSeconds: number, max: number): Promise<readonly string[]>;
}
