import { SUPERVISOR_SCRIPT } from './remote/index.js';

/**
 * Runs the first line of stdin. It must be fixed and short: the arguments of an exec become part of a URL and of audit
 * logs, and a command that kills processes by a word in their command line must not match this one.
 */
const LAUNCHER = 'read -r r_run;$r_run';

/** What a launcher says that cannot run the script. */
export const LAUNCHER_REFUSAL = 'rdev: ';

/** Runs the second line as it is: a shell expands the patterns in the first one. */
const FIRST_LINE = 'eval read -r r_run;eval "$r_run"';

/**
 * Sets the PATH of the supervisor: the directories of the system come first, since a command can often write to the
 * others, and relative ones are omitted. `r_path` remains the PATH of the container, which the command gets.
 */
const ORDER_PATH =
  'r_path=$PATH r_search=$PATH: r_system= r_others=;while [ "$r_search" ];do ' +
  'r_entry=${r_search%%:*} r_search=${r_search#*:};case $r_entry in ' +
  '/bin|/sbin|/usr/bin|/usr/sbin)r_system=$r_system:$r_entry;;/*)r_others=$r_others:$r_entry;;esac;done;' +
  'r_entry=$r_system$r_others r_entry=${r_entry#:};PATH=${r_entry:-/};';

/** Reads exactly the script's number of bytes, however they are chunked, and runs them. */
const BOOT =
  ORDER_PATH +
  `command -v dd >/dev/null||{ echo '${LAUNCHER_REFUSAL}The program dd is missing.';exit 1;};` +
  `r_total=${String(SUPERVISOR_SCRIPT.length)} r_script=;while [ \${#r_script} -lt $r_total ];do ` +
  'r_part=$(dd bs=$(($r_total-${#r_script})) count=1 2>/dev/null;echo .);' +
  'r_part=${r_part%.};[ "$r_part" ]||exit 1;r_script=$r_script$r_part;done;eval "$r_script"';

/** What to write first to the stdin of {@link launcherArgv}. */
export const SUPERVISOR_PROGRAM = `${FIRST_LINE}\n${BOOT}\n${SUPERVISOR_SCRIPT}`;

/** The argument vector that runs {@link SUPERVISOR_PROGRAM}. */
export function launcherArgv(args: readonly (string | number)[]): string[] {
  return ['sh', '-c', LAUNCHER, 'rdev', ...args.map(String)];
}
