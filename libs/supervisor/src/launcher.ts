import { SUPERVISOR_SCRIPT } from './supervisor-script.js';

/**
 * Reads exactly as many bytes as the script has, however they are cut, and runs them. It must be fixed and short:
 * the arguments of an exec become part of a URL and of audit logs.
 */
const LAUNCHER =
  'r_script=;while [ ${#r_script} -lt $1 ];do r_x=$(dd bs=$(($1-${#r_script})) count=1 2>/dev/null;echo .);' +
  'r_x=${r_x%.};[ "$r_x" ]||exit 1;r_script=$r_script$r_x;done;shift;eval "$r_script"';

/** The argument vector that runs the supervisor's script, which is to be written to stdin first. */
export function launcherArgv(args: readonly (string | number)[]): string[] {
  return ['sh', '-c', LAUNCHER, 'rdev', String(SUPERVISOR_SCRIPT.length), ...args.map(String)];
}

export { SUPERVISOR_SCRIPT };
