/**
 * Settings that run no program and reach no other address; all others are refused, since git keeps gaining new ones.
 */
const HARMLESS =
  /^(user\.(name|email|signingkey)|author\.(name|email)|committer\.(name|email)|color\.[\w.]+|advice\.\w+|init\.defaultbranch|core\.(quotepath|autocrlf|eol|safecrlf|abbrev|filemode|ignorecase|longpaths|symlinks|compression)|commit\.gpgsign|tag\.gpgsign|diff\.(renames|algorithm|context|noprefix|mnemonicprefix)|merge\.(conflictstyle|ff|renames|renamelimit)|pull\.(rebase|ff)|push\.(default|autosetupremote|followtags)|fetch\.(prune|prunetags|parallel)|rebase\.(autosquash|autostash|updaterefs)|rerere\.enabled|log\.(date|decorate)|status\.\w+|safe\.directory|http\.(postbuffer|lowspeedlimit|lowspeedtime|extraheader|sslverify)|protocol\.version|gc\.auto|remote\.\w[\w./-]*\.fetch|branch\.\w[\w./-]*\.(merge|rebase)|pack\.(threads|windowmemory))$/;

const READS = ['--get', '--get-all', '--get-regexp', '--get-urlmatch', '--list'];
const WRITES = ['--add', '--replace-all', '--unset', '--unset-all'];
/** The user's and the machine's configuration files. */
const OTHER_FILES = ['--global', '--system'];

/** These values only disable something. */
const DISABLING = /^(credential\.helper=|diff\.external=|core\.pager=cat)$/i;

/** Whether `name=value`, or `name` alone, may be set. */
export function isHarmlessSetting(text: string): boolean {
  if (DISABLING.test(text)) return true;
  return HARMLESS.test((text.split('=', 1)[0] ?? '').toLowerCase());
}

/**
 * Why `git config` with these options and operands is refused. Reading is allowed; writing only harmless settings, to
 * the repository's own file.
 */
export function configRefusal(
  verb: string | null,
  options: readonly string[],
  operands: readonly string[],
): string | null {
  const [name] = operands;
  if (name === undefined || !isWrite(verb, options, operands)) return null;
  // A verb of a later release, which could open an editor or another file.
  if (!name.includes('.')) return `"git config ${name.slice(0, 40)}" is not allowed`;
  if (hasAny(options, OTHER_FILES)) return '"git config" writes only to the file of the repository';
  return isHarmlessSetting(name) ? null : `the setting "${name.slice(0, 60)}" is not among those that may be set`;
}

function isWrite(verb: string | null, options: readonly string[], operands: readonly string[]): boolean {
  if (verb !== null) return verb === 'set' || verb === 'unset';
  if (hasAny(options, READS)) return false;
  return operands.length > 1 || hasAny(options, WRITES) || operands[0]?.includes('.') === false;
}

function hasAny(options: readonly string[], names: readonly string[]): boolean {
  return names.some((name) => options.includes(name));
}
