import { SUPERVISOR_SCRIPT } from './remote/index.js';

/**
 * Runs the first line of stdin. It must be fixed and short: the arguments of an exec become part of a URL and of audit
 * logs, and a command that kills processes by a word in their command line must not match this one.
 */
const LAUNCHER = 'read -r r_run;$r_run';

/** What a launcher says that cannot run the script. */
export const LAUNCHER_REFUSAL = 'rdev: ';

/** Reads exactly the script's number of bytes, however they are chunked, and runs them. */
const BOOT =
  `eval command -v dd >/dev/null||{ echo '${LAUNCHER_REFUSAL}The program dd is missing.';exit 1;};` +
  `r_total=${String(SUPERVISOR_SCRIPT.length)} r_script=;while [ \${#r_script} -lt $r_total ];do ` +
  'r_part=$(dd bs=$(($r_total-${#r_script})) count=1 2>/dev/null;echo .);' +
  'r_part=${r_part%.};[ "$r_part" ]||exit 1;r_script=$r_script$r_part;done;eval "$r_script"';

/** What to write first to the stdin of {@link launcherArgv}. */
export const SUPERVISOR_PROGRAM = `${BOOT}\n${SUPERVISOR_SCRIPT}`;

/** The argument vector that runs {@link SUPERVISOR_PROGRAM}. */
export function launcherArgv(args: readonly (string | number)[]): string[] {
  return ['sh', '-c', LAUNCHER, 'rdev', ...args.map(String)];
}
