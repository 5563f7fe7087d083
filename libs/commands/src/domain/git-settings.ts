/** Settings by which no program is run and no other address reached; any other is refused, as git keeps gaining ones. */
const HARMLESS =
  /^(user\.(name|email|signingkey)|author\.(name|email)|committer\.(name|email)|color\.[\w.]+|advice\.\w+|init\.defaultbranch|core\.(quotepath|autocrlf|eol|safecrlf|abbrev|filemode|ignorecase|longpaths|symlinks|compression)|commit\.gpgsign|tag\.gpgsign|diff\.(renames|algorithm|context|noprefix|mnemonicprefix)|merge\.(conflictstyle|ff|renames|renamelimit)|pull\.(rebase|ff)|push\.(default|autosetupremote|followtags)|fetch\.(prune|prunetags|parallel)|rebase\.(autosquash|autostash|updaterefs)|rerere\.enabled|log\.(date|decorate)|status\.\w+|safe\.directory|http\.(postbuffer|lowspeedlimit|lowspeedtime)|pack\.(threads|windowmemory))$/;

/** Of `git config`. Each stands alone or has its value behind "=", so that operands are what they look like. */
const OPTIONS =
  /^(--(global|local|worktree|system|get|get-all|get-regexp|get-urlmatch|add|replace-all|unset|unset-all|list|name-only|show-origin|show-scope|null|bool|int|bool-or-int|path|expiry-date|no-type|includes|no-includes|fixed-value|all|regexp|show-names|append)|--(type|default|value|url)=.*|-[lz])$/;

const READS = new Set(['--get', '--get-all', '--get-regexp', '--get-urlmatch', '--list', '-l']);

/** Whether `name=value`, or `name` alone, may be set. */
export function isHarmlessSetting(text: string): boolean {
  return HARMLESS.test((text.split('=', 1)[0] ?? '').toLowerCase());
}

/** Why `git config` with these arguments is refused. Reading is free; written are harmless settings only. */
export function configRefusal(args: readonly string[]): string | null {
  const options = args.filter((argument) => argument.startsWith('-'));
  const unknown = options.find((option) => !OPTIONS.test(option));
  if (unknown !== undefined) return `"git config" is allowed without ${unknown.slice(0, 40)}`;
  const operands = args.filter((argument) => !argument.startsWith('-'));
  if (options.some((option) => READS.has(option))) return null;
  const [verb] = operands;
  if (verb === 'list' || verb === 'get') return null;
  const isVerb = verb === 'set' || verb === 'unset';
  const [name, ...values] = isVerb ? operands.slice(1) : operands;
  if (name === undefined) return null;
  if (!name.includes('.')) return `"git config ${name.slice(0, 40)}" is not allowed`;
  const isRead = !isVerb && values.length === 0 && !options.some((option) => /^--(add|replace-all|unset)/.test(option));
  if (isRead || isHarmlessSetting(name)) return null;
  return `the setting "${name.slice(0, 60)}" may make git run a program`;
}
