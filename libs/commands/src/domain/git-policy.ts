import { gitEnvironmentRefusal } from './git-environment.js';
import { COMMON_OPTIONS, type Rule, SUBCOMMANDS, type Subcommand, WHOLE_NAMES, inside } from './git-rules.js';
import { configRefusal, isHarmlessSetting } from './git-settings.js';

/** Options of git itself that stand alone. Git takes neither abbreviations nor bundles of them. */
const GLOBAL_FLAGS =
  /^(-v|--version|-h|--help|-P|--no-pager|-p|--paginate|--no-replace-objects|--no-optional-locks|--no-lazy-fetch|--no-advice|--(literal|glob|noglob|icase)-pathspecs|--exec-path|--html-path|--man-path|--info-path)$/;

const SCHEMES = ['https', 'http', 'ssh', 'git', 'file', 'git+ssh', 'ssh+git'];

/**
 * Why `git` is refused with these arguments and variables of a request: they would make it run a program of the caller's
 * choice, or read and write files elsewhere. Null: it is not. A guard-rail against accidents and injected arguments; what
 * the repository and its settings say is not looked at. The boundary is the pod.
 */
export function gitRefusal(args: readonly string[], env: Readonly<Record<string, string>> = {}): string | null {
  let at = 0;
  for (; args[at]?.startsWith('-'); at++) {
    const option = args[at] ?? '';
    if (GLOBAL_FLAGS.test(option)) continue;
    const refusal = globalRefusal(option, args[++at]);
    if (refusal !== null) return refusal;
  }
  const [subcommand, ...rest] = args.slice(at);
  return (subcommand === undefined ? null : subcommandRefusal(subcommand, rest)) ?? gitEnvironmentRefusal(env);
}

function globalRefusal(option: string, value = ''): string | null {
  if (option === '-C') return named('-C', inside(value));
  if (option !== '-c') return `${shown(option)} is no option of git itself that is allowed`;
  return isHarmlessSetting(value)
    ? null
    : `the setting ${shown(value.split('=', 1)[0] ?? '')} may make git run a program`;
}

function subcommandRefusal(name: string, args: readonly string[]): string | null {
  const subcommand = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  if (subcommand === undefined) return `${shown(`git ${name}`)} is not one of the subcommands that are allowed`;
  if (name === 'config') return configRefusal(args);
  const verb = args.find((argument) => !argument.startsWith('-'));
  if (subcommand.verbs !== undefined && verb !== undefined && !subcommand.verbs.includes(verb))
    return `${shown(`git ${name} ${verb}`)} is not one of the subcommands that are allowed`;
  for (const [index, argument] of args.entries()) {
    const refusal = argumentRefusal(subcommand, argument, args[index + 1] ?? '');
    if (refusal !== null) return refusal;
  }
  return null;
}

/** Wherever it stands: what is the value of another option, or comes behind "--", only git knows. */
function argumentRefusal(subcommand: Subcommand, argument: string, next: string): string | null {
  const isOption = /^-./.test(argument);
  if (subcommand.operands === 'remotes') {
    const refusal = remoteRefusal(argument) ?? remoteRefusal(argument.slice(argument.indexOf('=') + 1));
    if (refusal !== null) return refusal;
  }
  if (!isOption) return subcommand.operands === 'files' ? named(shown(argument), inside(argument)) : null;
  return argument.startsWith('--') ? longRefusal(subcommand, argument, next) : shortRefusal(subcommand, argument, next);
}

/** Git takes any unambiguous abbreviation of a long option, and its value behind "=" or as the next argument. */
function longRefusal({ long = {} }: Subcommand, argument: string, next: string): string | null {
  const equals = argument.indexOf('=');
  const name = equals < 0 ? argument : argument.slice(0, equals);
  const value = equals < 0 ? next : argument.slice(equals + 1);
  const rules = { ...COMMON_OPTIONS, ...long };
  const whole = Object.hasOwn(rules, name) || WHOLE_NAMES.has(name);
  if (name === '--') return null;
  for (const [option, rule] of Object.entries(rules)) {
    if (whole ? option !== name : !option.startsWith(name)) continue;
    const refusal = named(option, rule(value));
    if (refusal !== null) return refusal;
  }
  return null;
}

function shortRefusal({ short = {}, valued = '' }: Subcommand, argument: string, next: string): string | null {
  for (let at = 1; at < argument.length; at++) {
    const letter = argument.charAt(at);
    const rule: Rule | undefined = Object.hasOwn(short, letter) ? short[letter] : undefined;
    if (rule !== undefined) return named(`-${letter}`, rule(argument.slice(at + 1) || next));
    if (valued.includes(letter)) return null;
  }
  return null;
}

/** `x::address` and `x://address` run the program `git-remote-x`. */
function remoteRefusal(text: string): string | null {
  if (/^[\w.+-]*::/.test(text)) return `the transport of ${shown(text)} runs a program`;
  const [, scheme, host = ''] = /^([\w.+-]+):\/\/(?:[^/@]*@)?([^/]*)/.exec(text) ?? [];
  if (scheme === undefined) return null;
  if (!SCHEMES.includes(scheme)) return `the transport of ${shown(text)} runs a program`;
  return host.startsWith('-') ? `the host of ${shown(text)} would pass for an option of ssh` : null;
}

function named(what: string, refusal: string | null): string | null {
  return refusal === null ? null : `${what} ${refusal}`;
}

function shown(text: string): string {
  return `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}
