import { type GitCall, parseGitCall } from './git-call.js';
import { GitRefused } from './refused.js';

/** The forms of a git command line that rules are matched against. */
export interface GitTexts {
  /** Without global options. */
  readonly plain: readonly string[];
  /** With options in full before the operands and values after "="; and without options. */
  readonly normal: readonly (readonly string[])[];
}

/** Null if git is refused, or has only global options. */
export function gitTexts(args: readonly string[], directory: string): GitTexts | null {
  const call = callOf(args, directory);
  const subcommand = call?.subcommand ?? null;
  if (call === null || subcommand === null) return null;
  const { verb, operands, given } = call;
  const head = ['git', subcommand, ...(verb === null ? [] : [verb])];
  const options = call.options.map(({ name, value }) => (value === null ? name : `${name}=${value}`));
  return {
    plain: ['git', subcommand, ...given],
    normal: [
      [...head, ...options, ...operands],
      [...head, ...operands],
    ],
  };
}

function callOf(args: readonly string[], directory: string): GitCall | null {
  try {
    return parseGitCall(args, directory);
  } catch (error) {
    if (error instanceof GitRefused) return null;
    throw error;
  }
}
