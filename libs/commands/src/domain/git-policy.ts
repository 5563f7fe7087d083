import { DomainError } from '@app/kernel';

export class CommandRejected extends DomainError {
  readonly kind = 'forbidden';
  readonly code = 'COMMAND_REJECTED';

  constructor(reason: string) {
    super(`The command is refused: ${reason}.`);
  }
}

/** Options with which git runs a program that the caller names. Git takes any unambiguous abbreviation of them. */
const REFUSED_OPTIONS = [
  '--upload-pack',
  '--receive-pack',
  '--exec',
  '--exec-path',
  '--config-env',
  '--config',
  '--ext-diff',
  '--extcmd',
  '--open-files-in-pager',
  '--template',
  '--textconv',
  '--tool',
  '--to-command',
  '--sendmail-cmd',
  '--smtp-server',
  '--tree-filter',
  '--editor',
  '--web',
];

/** Settings that no program is run by; any other is refused, as git keeps gaining ones that are. */
const HARMLESS_SETTINGS =
  /^(user\.(name|email)|author\.(name|email)|committer\.(name|email)|color\.[\w.]+|advice\.\w+|init\.defaultbranch|core\.(quotepath|autocrlf|eol|safecrlf|abbrev|filemode|ignorecase|longpaths|symlinks)|commit\.gpgsign|tag\.gpgsign|diff\.(renames|algorithm|context|noprefix|mnemonicprefix)|merge\.(conflictstyle|ff|renames)|pull\.(rebase|ff)|push\.(default|autosetupremote|followtags)|fetch\.(prune|prunetags|parallel)|rebase\.(autosquash|autostash)|log\.(date|decorate)|status\.\w+|safe\.directory|http\.(postbuffer|lowspeedlimit|lowspeedtime)|pack\.(threads|windowmemory))$/;

/** Options of `git config` whose value could pass for the name of the setting, shortened or not. */
const CONFIG_OPTION_WITH_VALUE = /^(-f|--(fil|bl|c|d|t|v|ur)[a-z]*)$/;

/** Subcommands that run what they are told to. */
const REFUSED_SUBCOMMANDS: Readonly<Record<string, RegExp>> = {
  bisect: /^run$/,
  submodule: /^foreach$/,
  'filter-branch': /^/,
  difftool: /^/,
  mergetool: /^/,
  daemon: /^/,
  'send-email': /^/,
  'remote-ext': /^/,
  'remote-fd': /^/,
  'upload-pack': /^/,
  'receive-pack': /^/,
  shell: /^/,
  instaweb: /^/,
  web: /^/,
  maintenance: /^(start|register)$/,
};

/**
 * Refuses git arguments that make git run a program of the caller's choice. A guard-rail against accidents and
 * injected arguments, not a boundary: that is the pod.
 * @throws {@link CommandRejected} with the argument at fault
 */
export function checkGitArguments(args: readonly string[]): void {
  for (const [index, argument] of args.entries()) {
    if (/(^|=)(ext|fd)::/i.test(argument))
      throw new CommandRejected(`the transport of "${argument.slice(0, 40)}" runs programs`);
    checkOption(argument, args[index + 1]);
  }
  checkSubcommand(args);
}

function checkOption(argument: string, next: string | undefined): void {
  if (argument === '-c') checkSetting(next ?? '');
  else if (/^-c./.test(argument) && !argument.startsWith('--')) checkSetting(argument.slice(2));
  if (!/^--[a-z]/.test(argument)) return;
  const name = argument.split('=', 1)[0] ?? '';
  const refused = REFUSED_OPTIONS.find((option) => option.startsWith(name));
  if (refused !== undefined) throw new CommandRejected(`${refused} runs a program`);
}

function checkSetting(setting: string): void {
  const name = (setting.split('=', 1)[0] ?? '').toLowerCase();
  // "-c" of a subcommand, as in `commit -c HEAD` or `switch -c branch`, takes no setting; settings have a dot.
  if (name.includes('.') && !HARMLESS_SETTINGS.test(name))
    throw new CommandRejected(`the setting "${name}" may run a program`);
}

function checkSubcommand(args: readonly string[]): void {
  const at = subcommandIndex(args);
  const subcommand = args[at] ?? '';
  const rest = args.slice(at + 1);
  const refused = Object.hasOwn(REFUSED_SUBCOMMANDS, subcommand) ? REFUSED_SUBCOMMANDS[subcommand] : undefined;
  if (
    refused !== undefined &&
    (rest.length === 0 ? refused.test('') : rest.some((argument) => refused.test(argument)))
  ) {
    throw new CommandRejected(`"git ${subcommand}" runs programs`);
  }
  const short = refusedShortOption(subcommand);
  if (short !== null && rest.some((argument) => short.test(argument))) {
    throw new CommandRejected(`an option of "git ${subcommand}" runs a program`);
  }
  if (subcommand === 'config') {
    const isName = (argument: string, at: number): boolean =>
      /^[a-z][\w-]*\..+/i.test(argument) && !CONFIG_OPTION_WITH_VALUE.test(rest[at - 1] ?? '');
    checkSetting(rest.find(isName) ?? '');
    if (rest.some((argument) => /^(-e|edit)$/.test(argument)))
      throw new CommandRejected('"git config" would run an editor');
  }
}

/** Short forms differ by subcommand: `-u` is --upload-pack of clone, but harmless for add and push. */
function refusedShortOption(subcommand: string): RegExp | null {
  switch (subcommand) {
    case 'clone':
      return /^-[a-z]*u/;
    case 'rebase':
      return /^-[a-z]*x/;
    case 'grep':
      return /^-[a-zA-Z]*O/;
    default:
      return null;
  }
}

/** Past the options of git itself, some of which take a value. */
function subcommandIndex(args: readonly string[]): number {
  let index = 0;
  while (index < args.length && args[index]?.startsWith('-')) {
    index += ['-c', '-C', '--git-dir', '--work-tree', '--namespace', '--super-prefix', '--attr-source'].includes(
      args[index] ?? '',
    )
      ? 2
      : 1;
  }
  return index;
}
