import type { OperandKind } from './commands.js';
import type { Kind } from './options.js';
import { isHarmlessSetting } from './settings.js';

/** Returns why a value is refused; null if it is not. The directory is the project's. */
type Rule = (value: string, directory: string) => string | null;

const SCHEMES = ['https', 'http', 'ssh', 'git', 'git+ssh', 'ssh+git', 'file'];
/** Any other runs a program: `git merge -s x` runs `git-merge-x`. */
const STRATEGIES = ['ort', 'recursive', 'resolve', 'octopus', 'ours', 'subtree'];
/** Any other runs a program named by a setting. */
const FORMATS = ['tar', 'zip', 'tgz', 'tar.gz'];

const CONTROL = /[\u0000-\u001f\u007f]/;
/** File systems of macOS ignore these in names. */
const IGNORED = /[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;

/**
 * Only paths below the project, without "..", and not in `.git`, whose files determine what git runs. Git drops control
 * characters from some names.
 * @param directory which an absolute path must be below
 */
export function pathRefusal(path: string, directory: string): string | null {
  const isAbsolute = path.startsWith(`${directory}/`);
  const below = isAbsolute ? path.slice(directory.length + 1) : path;
  const isOutside =
    below.startsWith('/') ||
    CONTROL.test(below) ||
    below.split('/').some((part) => part === '..' || isGitDirectory(part));
  return isOutside ? 'takes a path below the directory of the project, without "..", and none in ".git"' : null;
}

/** The name that git would give to a clone; null unless it is a plain one. */
export function cloneDirectory(source: string, isBare: boolean): string | null {
  const path = source.replace(/\/+$/, '').replace(/\/\.git$/, '');
  const name = (path.split(/[/:]/).at(-1) ?? '').replace(/\.(git|bundle)$/, '');
  return /^\w[\w.+-]*$/.test(name) ? `${name}${isBare ? '.git' : ''}` : null;
}

export function isGitDirectory(name: string): boolean {
  return name.replace(IGNORED, '').toLowerCase() === '.git';
}

/** A repository at a path has hooks and settings, which may come from another's working tree. */
function remoteRefusal(text: string): string | null {
  if (/^(\/|~|\.\.?(\/|$))|^file:/.test(text)) return 'is a path: git commands write only to remote addresses';
  return sourceRefusal(text);
}

/** `x::address` and `x://address` run the program `git-remote-x`. */
function sourceRefusal(text: string): string | null {
  if (/^[\w.+-]*::/.test(text)) return 'has a transport that runs a program';
  const [, scheme, host = ''] = /^([\w.+-]+):\/\/(?:[^/@]*@)?([^/]*)/.exec(text) ?? [];
  if (scheme === undefined) return null;
  if (!SCHEMES.includes(scheme)) return `has a transport that is not one of ${SCHEMES.join(', ')}`;
  return host.startsWith('-') || text.startsWith(`${scheme}://-`)
    ? 'has a host that could be taken for an option of ssh'
    : null;
}

const oneOf =
  (list: readonly string[]): Rule =>
  (value) =>
    list.includes(value) ? null : `takes one of ${list.join(', ')}`;

const setting: Rule = (value) =>
  isHarmlessSetting(value) ? null : 'sets what is not among the settings that may be set';

/** One-level names such as "config" are files in `.git`. */
const ref: Rule = (value) => (/^(HEAD$|refs\/)/.test(value) ? null : 'takes "HEAD" or a name that begins with "refs/"');

const RULES: Partial<Readonly<Record<Kind | OperandKind, Rule>>> = {
  file: pathRefusal,
  inside: pathRefusal,
  path: pathRefusal,
  input: pathRefusal,
  remote: remoteRefusal,
  source: sourceRefusal,
  ref,
  setting,
  strategy: oneOf(STRATEGIES),
  format: oneOf(FORMATS),
};

export function valueRefusal(kind: Kind | OperandKind, value: string, directory: string): string | null {
  return RULES[kind]?.(value, directory) ?? null;
}
