import type { ExitRecord, KillReport } from './types.js';
import { decodeWaitStatus } from './wait-status.js';

const REASONS = ['exited', 'signaled', 'timed_out', 'no_output', 'cancelled', 'start_failed'] as const;
const FIELDS = 14;

/**
 * Parses the two lines of an exit record: version, reason, wait status, milliseconds, bytes, kill report; then the
 * detail.
 * @throws Error if they are malformed
 */
export function parseExitRecord(text: string): ExitRecord {
  const [line = '', detail = ''] = text.split('\n');
  const fields = line.trim().split(' ');
  const reason = REASONS.find((known) => known === fields[1]);
  if (fields[0] !== '1' || fields.length !== FIELDS || reason === undefined) throw malformed(line);
  return {
    reason,
    ...decodeWaitStatus(fields[2] ?? '', whole(fields[3])),
    detail: reason === 'start_failed' ? detail.trim() : null,
    durationMs: whole(fields[4]),
    cpuMs: wholeOrNull(fields[5]),
    produced: { stdout: whole(fields[6]), stderr: whole(fields[7]) },
    stored: { stdout: whole(fields[8]), stderr: whole(fields[9]) },
    kill: fields[10] === '-' ? null : parseKillReport(fields.slice(10, 13)),
    leftKilled: wholeOrNull(fields[13]),
  };
}

/**
 * Three fields: 1 if nothing was left, the number of survivors, and 0 if they were found by their mark. Supervisors of
 * earlier releases had no mark; their third field is the number of processes that they could not assign.
 */
export function parseKillReport([verified, survivors, walked]: readonly (string | undefined)[]): KillReport {
  return { killVerified: verified === '1', survivors: whole(survivors), isMarked: whole(walked) === 0 };
}

/** @throws Error unless the text is a non-negative integer */
export function whole(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw malformed(text ?? '');
  return Number(text);
}

function wholeOrNull(text: string | undefined): number | null {
  return text === '-' ? null : whole(text);
}

function malformed(text: string): Error {
  return new Error(`The supervisor returned an unexpected response: ${JSON.stringify(text.slice(0, 200))}`);
}
