import { appendFileSync, readFileSync } from 'node:fs';

/** What test files spend their time on, as far as it is noted; scripts/times.mjs sums it up. */
export type Span = 'load' | 'database' | 'api' | 'stop' | 'supervisor' | 'wait';

/** The file of the notes, one JSON object a line; only a run with `--times` has one. */
const { TEST_SPANS } = process.env;
const TICK_MS = 10;

/** Does the work, and notes how long that took if it is asked for. */
export async function timed<T>(what: Span, work: () => Promise<T>): Promise<T> {
  if (!TEST_SPANS) return work();
  const from = Date.now();
  try {
    return await work();
  } finally {
    note({ what, from, to: Date.now() });
  }
}

/** Notes the processor time that another process has used so far. */
export function noteProcessorTime(pid: number): void {
  if (!TEST_SPANS) return;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number); // prettier-ignore
    note({ what: 'api cpu', ms: (user! + system!) * TICK_MS });
  } catch {
    // It has ended, or this is not Linux.
  }
}

export function note(entry: object): void {
  if (TEST_SPANS) appendFileSync(TEST_SPANS, `${JSON.stringify({ file: expect.getState().testPath, ...entry })}\n`);
}
