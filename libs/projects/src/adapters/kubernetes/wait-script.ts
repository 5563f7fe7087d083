import { TRUST_WORKSPACE } from './clone-script.js';

/**
 * Process 1 of a project: reaps orphans, and ends immediately on request. No signal from inside the pod ends it by
 * accident: it restarts the child that it waits for, has a unique name, and its command line, which `pkill -f`
 * searches, contains no name of a program that a user may want to end. Kubernetes reduces two dollars to one.
 */
const INIT = 'printf rdev-init >/proc/self/comm; trap "exit 0" TERM INT; while :; do read x <&3 & wait $!; done';

/** @param directory removed with the pod; briefly contains a FIFO that has no writer */
export function waitScript(directory: string): string {
  const fifo = `${directory}/init.fifo`;
  return `${TRUST_WORKSPACE}
set -e
rm -f "${fifo}"
mkfifo "${fifo}"
exec 3<>"${fifo}"
rm "${fifo}"
exec sh -c '${INIT}'
`;
}
