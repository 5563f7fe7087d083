import { SUPERVISOR_SCRIPT } from './remote/index.js';

/**
 * Runs the line that stdin begins with. It must be fixed and short: the arguments of an exec become part of a URL and of audit
 * logs, and a command that ends processes by a word of their command line must not find it here.
 */
const LAUNCHER = 'read -r r_x;$r_x';

/** Reads exactly as many bytes as the script has, however they are cut, and runs them. */
const BOOT =
  `eval r_size=${String(SUPERVISOR_SCRIPT.length)} r_script=;while [ \${#r_script} -lt $r_size ];do ` +
  'r_x=$(dd bs=$(($r_size-${#r_script})) count=1 2>/dev/null;echo .);' +
  'r_x=${r_x%.};[ "$r_x" ]||exit 1;r_script=$r_script$r_x;done;eval "$r_script"';

/** What is to be written to the stdin of {@link launcherArgv} first. */
export const SUPERVISOR_PROGRAM = `${BOOT}\n${SUPERVISOR_SCRIPT}`;

/** The argument vector that runs {@link SUPERVISOR_PROGRAM}. */
export function launcherArgv(args: readonly (string | number)[]): string[] {
  return ['sh', '-c', LAUNCHER, 'rdev', ...args.map(String)];
}
