import type { AttachmentEnd } from '@app/supervisor';
import { type Position, type Ending, lost, notStarted } from '@app/commands';
import type { InstanceState } from './command-executor.js';

/**
 * How often in a row the command must be reported absent: it may be about to appear, and when a container or pod ends,
 * its processes end first. About 3 s later the cause is known.
 */
const DENIALS_MAX = 6;

/** An attachment that ended without a record. */
export interface Attempt {
  readonly end: Exclude<AttachmentEnd, { kind: 'ended' }>;
  /** The stored position. */
  readonly position: Position;
  /** How often in a row the command was reported absent. */
  readonly denials: number;
  readonly isStarted: boolean;
  /** Whether every attempt so far was refused before it ran anything: the command was not started. */
  readonly isUntouched: boolean;
  /** Whether there was any response from where the command runs. */
  readonly isAnswered: boolean;
}

export interface Situation extends Attempt {
  readonly state: InstanceState;
  /** How long the instance has been unreachable. */
  readonly silentSeconds: number;
  readonly lostAfterSeconds: number;
}

/**
 * The ending that is proved although there is no record; null: one may still come. A broken connection proves nothing.
 */
export function endingWithoutRecord(situation: Situation): Ending | null {
  const { end, state, position, isStarted, isAnswered } = situation;
  if (end.kind === 'unsupported') {
    return isStarted ? lost('unknown', end.detail, position) : notStarted('failed', 'start_failed', end.detail);
  }
  if (end.kind === 'refused' && situation.isUntouched) return notStarted('failed', 'start_failed', end.detail);
  if (state.kind === 'gone') return lost(state.reason, state.detail, position);
  if (state.kind === 'unreachable' || !isAnswered) {
    const detail = state.kind === 'unreachable' ? state.detail : 'The place where the command runs does not respond.';
    const said = wordsOf(end);
    return situation.silentSeconds < situation.lostAfterSeconds
      ? null
      : lost('unknown', silence(situation, [detail, ...said].join(' ')), position);
  }
  return situation.denials < DENIALS_MAX ? null : denied(situation);
}

function denied({ end, position }: Situation): Ending | null {
  switch (end.kind) {
    case 'supervisor-gone':
    case 'record-unusable':
      return lost('unknown', end.detail, position);
    case 'spool-short': {
      const { stdout, stderr } = end.spool;
      const detail = `The spool holds ${String(stdout)} and ${String(stderr)} bytes, less than what was stored already.`;
      return lost('unknown', detail, position);
    }
    case 'absent':
      return lost('unknown', 'The supervisor left no trace in the spool directory.', position);
    default:
      return null;
  }
}

function wordsOf(end: Attempt['end']): readonly string[] {
  if (end.kind === 'dropped') return [end.cause.message];
  return end.kind === 'refused' ? [end.detail] : [];
}

function silence({ lostAfterSeconds }: Situation, detail: string): string {
  return `For ${String(lostAfterSeconds)} s: ${detail}`;
}
