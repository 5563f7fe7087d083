import type { Page, PageRequest } from '@app/kernel';
import type { Command, CommandSummary } from '../domain/command.js';
import type { CommandType } from '../domain/work/index.js';
import type { CommandStatus } from '../domain/status.js';

export interface CommandFilter {
  readonly projectId?: string | undefined;
  readonly statuses?: readonly CommandStatus[] | undefined;
  readonly type?: CommandType | undefined;
  readonly keyId?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Created at or after this time. */
  readonly since?: Date | undefined;
  /** Created before this time. */
  readonly until?: Date | undefined;
  /** Globs of project ids; null: all. */
  readonly visibleProjects: readonly string[] | null;
}

/** Maximum number of unended commands of a project read together. */
export const UNENDED_MAX = 100;

export abstract class CommandRepository {
  /** With everything that it runs and is given, which may be 1 MiB: for its detail and its start. Null if absent. */
  abstract findById(id: string): Promise<Command | null>;
  /** For all other purposes. Null if absent. */
  abstract findSummary(id: string): Promise<CommandSummary | null>;
  /** Newest first, without what the commands run. */
  abstract list(filter: CommandFilter, page: PageRequest): Promise<Page<CommandSummary>>;
  /**
   * Commands of a project that have not ended; with `before`, only those created earlier. At most {@link UNENDED_MAX},
   * those first whose cancellation was not requested.
   */
  abstract unended(projectId: string, before?: Date | null): Promise<readonly string[]>;
  /**
   * Drops the values of variables, and the text for stdin, of at most `max` commands that ended that long ago.
   * @returns the number of commands
   */
  abstract dropInputs(olderThanSeconds: number, max: number): Promise<number>;
}
