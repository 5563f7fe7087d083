import { execFileSync } from 'node:child_process';

const PROGRAMS = 40;
/** What starting a program costs on the machine that the bounds are made for. */
const REFERENCE_MS = 1;

/**
 * How many times slower than that one this machine is just now at what a supervisor does most, starting programs; at
 * least 1. Bounds of time are to be multiplied by it: a machine that is shared is not always equally fast.
 */
export function slowness(): number {
  const script = `i=0; while [ $i -lt ${PROGRAMS} ]; do /bin/true; i=$((i + 1)); done`;
  const times = Array.from({ length: 5 }, () => {
    const since = performance.now();
    execFileSync('sh', ['-c', script]);
    return performance.now() - since;
  });
  return Math.max(1, Math.min(...times) / PROGRAMS / REFERENCE_MS);
}
