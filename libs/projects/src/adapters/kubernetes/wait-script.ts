import { TRUST_WORKSPACE } from './clone-script.js';

/**
 * Process 1 of a project: it reaps what is orphaned and ends at once when it is told to. No signal from inside the pod
 * ends it by accident: what it waits for is a child that it starts again, it is called as nothing else is, and its
 * command line, which `pkill -f` searches, has no name of a program that somebody may want to end. Kubernetes makes one
 * dollar of two.
 */
const INIT = 'printf rdev-init >/proc/self/comm; trap "exit 0" TERM INT; while :; do read x <&3 & wait $!; done';

/** The directory is one that goes with the pod: in it is, for a moment, a FIFO that nobody writes to. */
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
