import { type GitCall, parseGitCall } from './git-call.js';
import { GitRefused } from './refused.js';

/** The forms in which a rule may say what git does. */
export interface GitTexts {
  /** Without the options of git itself. */
  readonly plain: readonly string[];
  /** The whole names of options in front of the operands, their values behind "="; and without options. */
  readonly normal: readonly (readonly string[])[];
}

/** Null for what git is refused, and for nothing but options of git itself. */
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
