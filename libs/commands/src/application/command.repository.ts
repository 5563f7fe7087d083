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
  /** Created at or after that time. */
  readonly since?: Date | undefined;
  /** Created before that time. */
  readonly until?: Date | undefined;
  /** Globs of project ids; null: all. */
  readonly visibleProjects: readonly string[] | null;
}

/** So many of a project that have not ended are looked at together. */
export const UNENDED_MAX = 100;

/** Where commands are kept. */
export abstract class CommandRepository {
  /** With all that it runs and is given, which may be 1 MiB: for its detail and its start. Null if there is none. */
  abstract findById(id: string): Promise<Command | null>;
  /** For all else. Null if there is none. */
  abstract findSummary(id: string): Promise<CommandSummary | null>;
  /** Newest first. What the commands run is not read. */
  abstract list(filter: CommandFilter, page: PageRequest): Promise<Page<CommandSummary>>;
  /**
   * Commands of a project that have not ended; if a time is given, those created before it. At most
   * {@link UNENDED_MAX}, those first whose end nobody has asked for.
   */
  abstract unended(projectId: string, before?: Date | null): Promise<readonly string[]>;
  /**
   * Forgets the values of variables, and the text for stdin, of at most `max` commands that ended so long ago.
   * @returns of how many
   */
  abstract dropInputs(olderThanSeconds: number, max: number): Promise<number>;
}
