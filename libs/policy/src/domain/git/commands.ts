import { COMMANDS } from './command-table.js';
import { type Options, optionsOf } from './options.js';

/**
 * What an operand may be: `inside` is a path below, `path` one that git opens or writes by itself, `input` one
 * that may be `-` for stdin, `source` a repository to
 * read from, `remote` one to write to, `ref` the whole name of one.
 */
export type OperandKind = 'any' | 'inside' | 'path' | 'input' | 'source' | 'remote' | 'ref';

export interface Subcommand {
  readonly options: Options;
  /** By position; the last holds for all further ones. */
  readonly operands: readonly OperandKind[];
  /** What the first operand has to be, with what may follow it; empty: none. */
  readonly verbs: ReadonlyMap<string, Subcommand>;
  /** The first operand may also be something else than a verb. */
  readonly isOpen: boolean;
  /** Git reads no options behind the first operand. */
  readonly stops: boolean;
  /** Refused without this option. */
  readonly requires: string | null;
  /** Deletes what its operands match by the index, even behind a link that stands in a directory's place by now. */
  readonly deletes: boolean;
  /** Reads from another repository, and may do so from a path. */
  readonly fetches: boolean;
  /** Makes a name for the directory from its source, if there is none. */
  readonly guesses: boolean;
  /** Shows differences: a repository's settings and attributes can name programs for that. */
  readonly shows: boolean;
  /** The usual name of the same. */
  readonly sameAs: string | null;
}

const OPEN = ['config', 'reflog'];
const STOPPING = /^config\b/;
const SHOWING =
  /^(annotate|blame|diff|diff-files|diff-index|diff-tree|format-patch|log|range-diff|reflog|reflog show|show|stash list|stash show|whatchanged)$/;
const FETCHING = /^(clone|fetch|ls-remote|pull)$/;
/** Files that it writes by itself have names that a link in the working tree can have, too. */
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

/** What may be run; whatever is not here is refused. */
export const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map(
  Object.entries(COMMANDS)
    .filter(([name]) => !name.includes(' '))
    .map(([name, text]) => [name, subcommandOf(name, text)]),
);
