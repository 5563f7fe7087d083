import { isHarmlessSetting } from './git-settings.js';

/** Says why a value of an option is refused; null: it is not. */
export type Rule = (value: string) => string | null;

export interface Subcommand {
  /** Short options with a rule; git bundles them, and a value may follow without a space. */
  readonly short?: Readonly<Record<string, Rule>>;
  /** Letters that take the rest of their bundle as a value. */
  readonly valued?: string;
  /** Long options with a rule, besides the common ones. */
  readonly long?: Readonly<Record<string, Rule>>;
  /** What the first operand may be; any if absent. */
  readonly verbs?: readonly string[];
  /** `files`: read as files also outside a repository. `remotes`: may be URLs. */
  readonly operands?: 'files' | 'remotes';
}

const program: Rule = () => 'makes git run a program';
const foreign: Rule = () => 'reaches beyond the repository';
const setting: Rule = (value) => (isHarmlessSetting(value) ? null : 'sets what may make git run a program');

/** Custom strategies are programs: `git merge -s x` runs `git-merge-x`. */
const strategy: Rule = (value) =>
  ['ort', 'recursive', 'resolve', 'octopus', 'ours', 'subtree'].includes(value) ? null : 'runs "git-merge-…"';

/** Relative, not up, and not in `.git`, whose files say what git runs. `-` is stdin or stdout. */
export const inside: Rule = (path) =>
  path.startsWith('/') || path.split('/').some((part) => part === '..' || part.toLowerCase() === '.git')
    ? 'takes a relative path without "..", and none in ".git"; "cwd" chooses the directory'
    : null;

/** Hold for every subcommand that has such an option: none has one of these names for something harmless. */
export const COMMON_OPTIONS: Readonly<Record<string, Rule>> = {
  '--upload-pack': program,
  '--receive-pack': program,
  '--exec': program,
  '--ext-diff': program,
  '--textconv': program,
  '--filters': program,
  '--open-files-in-pager': program,
  '--extcmd': program,
  '--web': program,
  // A template directory brings hooks; for `commit` it is a file to read.
  '--template': program,
  '--separate-git-dir': foreign,
  '--no-index': foreign,
  '--unsafe-paths': foreign,
  '--strategy': strategy,
  '--pathspec-from-file': inside,
  '--exclude-from': inside,
  '--ignore-revs-file': inside,
  '--contents': inside,
  '--file': inside,
  '--add-file': inside,
  '--output': inside,
  '--output-directory': inside,
};

/** Whole names that begin like one above and are options of their own: git takes a whole name before an abbreviation. */
export const WHOLE_NAMES: ReadonlySet<string> = new Set([
  '--text',
  '--edit',
  '--filter',
  '--exclude',
  '--ignore-rev',
  '--config',
]);

const message: Subcommand = { short: { F: inside, t: inside }, valued: 'mCcSu' };
const remote: Subcommand = { operands: 'remotes' };
const plain: Subcommand = {};

/** What may be run. Whatever is not here is refused: plumbing that is a server or a helper, scripts, aliases, and what git will gain. */
export const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  add: plain,
  am: { operands: 'files', valued: 'CpS' },
  annotate: { short: { S: inside }, valued: 'LCM' },
  apply: { operands: 'files', valued: 'pC' },
  archive: { short: { o: inside }, long: { '--remote': program } },
  bisect: { verbs: ['start', 'good', 'bad', 'old', 'new', 'terms', 'skip', 'next', 'reset', 'log', 'help'] },
  blame: { short: { S: inside }, valued: 'LCM' },
  branch: plain,
  'cat-file': plain,
  'check-attr': plain,
  'check-ignore': plain,
  checkout: plain,
  cherry: plain,
  'cherry-pick': plain,
  clean: plain,
  clone: {
    operands: 'remotes',
    short: { u: program, c: setting },
    valued: 'boj',
    long: { '--config': setting },
  },
  commit: message,
  config: plain, // its arguments have a parser of their own
  'count-objects': plain,
  describe: plain,
  diff: { operands: 'files' },
  'diff-files': plain,
  'diff-index': plain,
  'diff-tree': plain,
  fetch: remote,
  'for-each-ref': plain,
  'format-patch': { short: { o: inside }, valued: 'vUMCBlSGOI' },
  fsck: plain,
  gc: plain,
  grep: { short: { O: program, f: inside }, valued: 'eABCm' },
  'hash-object': { operands: 'files' },
  help: { short: { w: program } },
  init: plain,
  log: plain,
  'ls-files': { short: { X: inside }, valued: 'x' },
  'ls-remote': { operands: 'remotes', short: { u: program }, valued: 'o' },
  'ls-tree': plain,
  maintenance: { verbs: ['run'] },
  merge: { short: { F: inside, s: strategy }, valued: 'XmS' },
  'merge-base': plain,
  'merge-tree': plain,
  mv: plain,
  'name-rev': plain,
  notes: { short: { F: inside }, valued: 'mCc' },
  prune: plain,
  pull: { operands: 'remotes', short: { s: strategy }, valued: 'XrSjo' },
  push: { operands: 'remotes', valued: 'o' },
  'range-diff': plain,
  rebase: { short: { x: program, s: strategy }, valued: 'XCS' },
  reflog: plain,
  remote,
  repack: plain,
  rerere: plain,
  reset: plain,
  restore: { valued: 's' },
  revert: plain,
  'rev-list': plain,
  'rev-parse': plain,
  rm: plain,
  shortlog: plain,
  show: plain,
  'show-branch': plain,
  'show-ref': plain,
  'sparse-checkout': plain,
  stage: plain,
  stash: plain,
  status: plain,
  submodule: {
    operands: 'remotes',
    verbs: ['add', 'status', 'init', 'deinit', 'update', 'set-branch', 'set-url', 'summary', 'sync', 'absorbgitdirs'],
  },
  switch: plain,
  'symbolic-ref': plain,
  tag: { short: { F: inside }, valued: 'mun' },
  'update-index': plain,
  'update-ref': plain,
  'verify-commit': plain,
  'verify-tag': plain,
  version: plain,
  whatchanged: plain,
  worktree: plain,
  'write-tree': plain,
};
