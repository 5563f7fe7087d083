import type { Position } from './position.js';
import type { CommandStatus } from './status.js';

export const REASONS = [
  'exited',
  'signaled',
  'timed_out',
  'no_output',
  'cancelled',
  'pod_lost',
  'container_restarted',
  'oom_killed',
  'evicted',
  'start_failed',
  'expired_in_queue',
  'unknown',
] as const;
export type Reason = (typeof REASONS)[number];

/** How a command ended, and on what evidence. */
export interface CommandResult {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly reason: Reason;
  /** What was observed, as a sentence. */
  readonly detail?: string;
  readonly durationMs: number | null;
  readonly queueMs: number | null;
  /** Bytes that the command wrote, whether stored or declared missing. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly truncated: boolean;
  readonly killVerified?: boolean;
  readonly survivors?: number;
  readonly leftKilled?: number;
  readonly cpuMs?: number;
}

/** The exit record that the supervisor left. */
export interface ExitEvidence {
  readonly reason: 'exited' | 'signaled' | 'timed_out' | 'no_output' | 'cancelled' | 'start_failed';
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly detail: string | null;
  readonly durationMs: number;
  readonly cpuMs: number | null;
  /** Bytes read from the command, and the part of them that was kept. */
  readonly produced: Position;
  readonly stored: Position;
  readonly kill: KillEvidence | null;
  readonly leftKilled: number | null;
}

/** What a kill of the process tree found. */
export interface KillEvidence {
  readonly killVerified: boolean;
  readonly survivors: number;
  /** Whether the processes were found by a mark, which no process can lose by accident. */
  readonly isMarked: boolean;
}

export interface Ending {
  readonly status: CommandStatus;
  readonly result: Omit<CommandResult, 'queueMs'>;
}

const STATUS: Record<ExitEvidence['reason'], CommandStatus> = {
  exited: 'failed',
  signaled: 'failed',
  timed_out: 'timed_out',
  no_output: 'timed_out',
  cancelled: 'cancelled',
  start_failed: 'failed',
};

/**
 * The ending proved by an exit record. It is a proof only together with the output: the stored and missing bytes must
 * add up to what the record says was produced.
 */
export function endingOf(record: ExitEvidence, position: Position): Ending {
  const { produced, stored, kill, leftKilled, cpuMs } = record;
  const observed = {
    exitCode: record.exitCode,
    signal: record.signal,
    durationMs: record.durationMs,
    stdoutBytes: produced.stdout,
    stderrBytes: produced.stderr,
    truncated: stored.stdout < produced.stdout || stored.stderr < produced.stderr,
    ...(leftKilled !== null && leftKilled > 0 && { leftKilled }),
    ...(cpuMs !== null && { cpuMs }),
    ...(record.detail !== null && { detail: storable(record.detail) }),
    ...(kill !== null && killed(kill)),
  };
  if (position.stdout !== produced.stdout || position.stderr !== produced.stderr) {
    const detail = `The exit record says ${pair(produced)} bytes, but ${pair(position)} are accounted for.`;
    return { status: 'lost', result: { ...observed, reason: 'unknown', detail } };
  }
  const status = record.reason === 'exited' && record.exitCode === 0 ? 'succeeded' : STATUS[record.reason];
  return { status, result: { ...observed, reason: record.reason } };
}

/** The ending when the spool's disk was full: how much is missing is unknown, so it is no success. */
export function withFullSpool(record: ExitEvidence, position: Position): Ending {
  const { status, result } = endingOf(record, position);
  if (status === 'lost') return { status, result };
  const detail = 'The spool directory was full: output is missing, and how much of it cannot be told exactly.';
  return { status: 'lost', result: { ...result, reason: 'unknown', detail } };
}

/** Whether bytes are missing although the output limit was not reached. */
export function spoolWasFull({ produced, stored }: ExitEvidence, outputBytesMax: number): boolean {
  const isShort = (stream: 'stdout' | 'stderr'): boolean =>
    stored[stream] < produced[stream] && stored[stream] < outputBytesMax;
  return isShort('stdout') || isShort('stderr');
}

/** The ending of a command whose exit record can no longer come. */
export function lost(reason: Reason, detail: string, position: Position): Ending {
  return {
    status: 'lost',
    result: {
      exitCode: null,
      signal: null,
      reason,
      detail: storable(detail),
      durationMs: null,
      stdoutBytes: position.stdout,
      stderrBytes: position.stderr,
      truncated: false,
    },
  };
}

/** Adds the findings of a kill to a result with this detail. */
export function killed(
  { killVerified, survivors, isMarked }: KillEvidence,
  detail?: string,
): Pick<CommandResult, 'killVerified' | 'survivors' | 'detail'> {
  const sentences = [...(detail === undefined ? [] : [detail]), ...(isMarked ? [] : [UNMARKED])];
  return { killVerified, survivors, ...(sentences.length > 0 && { detail: sentences.join(' ') }) };
}

/** The ending of a command that never ran. */
export function notStarted(status: CommandStatus, reason: Reason, detail: string): Ending {
  return { ...lost(reason, detail, { stdout: 0, stderr: 0 }), status };
}

function pair({ stdout, stderr }: Position): string {
  return `${String(stdout)} stdout and ${String(stderr)} stderr`;
}

const UNMARKED =
  'The processes of the command could not be marked by a resource limit. They were found by session, parentage and environment, ' +
  'which a process can leave.';
const DETAIL_CHARS_MAX = 1_000;

/** A JSON column accepts neither NUL nor lone surrogates, and a command can write its own record. */
function storable(text: string): string {
  return text.slice(0, DETAIL_CHARS_MAX).toWellFormed().replaceAll('\0', '\ufffd');
}
