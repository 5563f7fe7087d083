import { parseGitCall } from './git-call.js';

/** Takes precedence over the repository's own settings. Needs git 2.31; an older one ignores these. */
const SETTINGS: Readonly<Record<string, string>> = {
  // URLs run no `git-remote-x`, and repositories at a path run no hooks, since none is written to.
  'protocol.allow': 'never',
  'protocol.https.allow': 'always',
  'protocol.http.allow': 'always',
  'protocol.ssh.allow': 'always',
  'protocol.git.allow': 'always',
  // A directory with the files of a repository counts as one only if it is named `.git`. Needs git 2.38.
  'safe.bareRepository': 'explicit',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.askPass': '',
  'core.sshCommand': 'ssh',
  'core.pager': 'cat',
  'core.alternateRefsCommand': ':',
  'gpg.program': 'gpg',
  'gpg.openpgp.program': 'gpg',
  'gpg.x509.program': 'gpgsm',
  'gpg.ssh.program': 'ssh-keygen',
};

/** Git treats ":" as an editor that changes nothing, without running it. */
export const GIT_EDITORS: Readonly<Record<string, string>> = { GIT_EDITOR: ':', GIT_SEQUENCE_EDITOR: ':' };

/**
 * The settings, appended to those already in the environment.
 * @param options.readsPaths the command may read from a repository at a path; a submodule may not
 * @param options.trustsOwners trusts repositories of any user: in pods not created by rdev the root of a volume belongs
 *   to root, which git distrusts. Needs git 2.38
 */
export function gitSettings(
  environment: Readonly<Record<string, string>>,
  { readsPaths, trustsOwners }: { readonly readsPaths: boolean; readonly trustsOwners: boolean },
): Record<string, string> {
  const first = Number(/^\d{1,3}$/.exec(environment.GIT_CONFIG_COUNT ?? '')?.[0] ?? 0);
  const settings = {
    ...SETTINGS,
    ...(readsPaths && { 'protocol.file.allow': 'user' }),
    ...(trustsOwners && { 'safe.directory': '*' }),
  };
  const pairs = Object.entries(settings).flatMap(([key, value], index): [string, string][] => [
    [`GIT_CONFIG_KEY_${String(first + index)}`, key],
    [`GIT_CONFIG_VALUE_${String(first + index)}`, value],
  ]);
  return Object.fromEntries([...pairs, ['GIT_CONFIG_COUNT', String(first + pairs.length / 2)]]);
}

const REFUSE = 'refuse() { echo "rdev: git is not run: $1" >&2; exit 126; }';

/**
 * Checks what the arguments cannot show, where git runs: no symbolic link from the repository leads away from the
 * directory or to a path. Another command could still change a link after this check. Arguments: the project's
 * directory, the path from there to the command's, the number of paths, the paths, the program.
 */
const CHECK_LINKS = `${REFUSE}
if [ -d "$1" ]; then
  root=$(CDPATH= cd -- "$1" && pwd -P)
  [ "\${root%/*}" ] && export GIT_CEILING_DIRECTORIES="\${root%/*}"
else
  root=$(pwd -P)
fi
here=$(pwd -P) project=$1
[ "\${here%/}/" = "\${root%/}$2/" ] || refuse 'a symbolic link leads to its directory'
count=$3
shift 3
while [ "$count" -gt 0 ]; do
  path= rest=$1/
  case $rest in "$project"/*) path=$project/ rest=\${rest#"$project"/} ;; esac
  while [ "$rest" ]; do
    path=$path\${rest%%/*} rest=\${rest#*/}
    [ -L "$path" ] && refuse "\\"$1\\" leads through a symbolic link"
    path=$path/
  done
  count=$((count - 1))
  shift
done
exec "$@"
`;

export interface GuardedGit {
  /** `git`, or a path to it. */
  readonly program: string;
  readonly args: readonly string[];
  /** The project's, absolute. */
  readonly directory: string;
  /** The path from there to the command's directory; empty or with a leading slash. */
  readonly below: string;
}

/** What to run for git, and whether it may read from paths. @throws {@link GitRefused} */
export function guardedGit({ program, args, directory, below }: GuardedGit): { argv: string[]; readsPaths: boolean } {
  const call = parseGitCall(args, directory);
  const argv = [
    'sh',
    '-c',
    CHECK_LINKS,
    'sh',
    directory,
    below,
    String(call.paths.length),
    ...call.paths,
    program,
    ...call.args,
  ];
  return { argv, readsPaths: call.readsPaths };
}

/** Fails in the same way without running git. */
export function refusedArgv(reason: string): string[] {
  return ['sh', '-c', `${REFUSE}\nrefuse "$1"`, 'sh', reason];
}
