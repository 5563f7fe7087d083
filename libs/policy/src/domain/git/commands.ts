import { COMMANDS } from './command-table.js';
import { type Options, optionsOf } from './options.js';

/**
 * Kinds of operands: `inside` is a path below the project, `path` one that git opens or writes itself, `input` the same
 * or `-` for stdin, `source` a repository to read from, `remote` one to write to, `ref` a full reference name.
 */
export type OperandKind = 'any' | 'inside' | 'path' | 'input' | 'source' | 'remote' | 'ref';

export interface Subcommand {
  readonly options: Options;
  /** By position; the last one applies to all further operands. */
  readonly operands: readonly OperandKind[];
  /** The verbs that the first operand must be one of, and what may follow each; empty: none. */
  readonly verbs: ReadonlyMap<string, Subcommand>;
  /** Whether the first operand may also be something other than a verb. */
  readonly isOpen: boolean;
  /** Whether git stops reading options at the first operand. */
  readonly stops: boolean;
  /** Refused without this option. */
  readonly requires: string | null;
  /**
   * Whether it deletes the files that its operands match in the index, even through a link that has replaced a
   * directory.
   */
  readonly deletes: boolean;
  /** Whether it reads from another repository, which may be at a path. */
  readonly fetches: boolean;
  /** Whether it derives a missing directory name from the source. */
  readonly guesses: boolean;
  /** Whether it shows diffs: a repository's settings and attributes can name programs for that. */
  readonly shows: boolean;
  /** The more common name of the same command. */
  readonly sameAs: string | null;
}

const OPEN = ['config', 'reflog'];
const STOPPING = /^config\b/;
const SHOWING =
  /^(annotate|blame|diff|diff-files|diff-index|diff-tree|format-patch|log|range-diff|reflog|reflog show|show|stash list|stash show|whatchanged)$/;
const FETCHING = /^(clone|fetch|ls-remote|pull)$/;
/** The names of the files that it writes could be links in the working tree. */
const REQUIRED: Readonly<Record<string, string>> = { 'format-patch': '--stdout' };
const SAME: Readonly<Record<string, string>> = { annotate: 'blame', stage: 'add' };

function subcommandOf(name: string, text: string): Subcommand {
  const words = text.split(/\s+/).filter(Boolean);
  const operands = words.filter((word) => word.startsWith('<')).map((word) => word.slice(1, -1) as OperandKind);
  return {
    options: optionsOf(words.filter((word) => !word.startsWith('<'))),
    operands: operands.length === 0 ? ['any'] : operands,
    verbs: new Map(
      Object.entries(COMMANDS)
        .filter(([key]) => key.startsWith(`${name} `))
        .map(([key, options]) => [key.slice(name.length + 1), subcommandOf(key, options)]),
    ),
    isOpen: OPEN.includes(name),
    stops: STOPPING.test(name),
    requires: REQUIRED[name] ?? null,
    deletes: name === 'rm',
    guesses: name === 'clone' || name === 'submodule add',
    fetches: FETCHING.test(name),
    shows: SHOWING.test(name),
    sameAs: SAME[name] ?? null,
  };
}

/** The allowed subcommands; all others are refused. */
export const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map(
  Object.entries(COMMANDS)
    .filter(([name]) => !name.includes(' '))
    .map(([name, text]) => [name, subcommandOf(name, text)]),
);
