import { directoryBelow } from './directory.js';
import { environmentRefusal } from './environment.js';
import { parseGitCall } from './git-call.js';
import { GitRefused } from './refused.js';

export interface GitRequest {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Null: the project's directory. */
  readonly cwd: string | null;
  /** The project's, absolute. */
  readonly directory: string;
}

/**
 * Why `git` is refused: it could run a program of the caller's choice, or write outside the project. Null if it is not.
 * This is an allow-list, since git gains commands, options, settings and variables with every release.
 */
export function gitRefusal({ args, env, cwd, directory }: GitRequest): string | null {
  try {
    parseGitCall(args, directory);
    directoryBelow(cwd, directory);
  } catch (error) {
    if (error instanceof GitRefused) return error.message;
    throw error;
  }
  return environmentRefusal(env);
}
