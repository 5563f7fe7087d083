import type { Position, ExitEvidence } from '@app/commands';
import type { OutputGap } from './output-ledger.js';

const STREAMS = ['stdout', 'stderr'] as const;

/** Bytes that the supervisor counted but did not store. */
export function uncollected({ produced, stored }: ExitEvidence, position: Position, reason: string): OutputGap[] {
  return STREAMS.filter((stream) => position[stream] === stored[stream] && produced[stream] > stored[stream]).map(
    (stream) => ({ kind: 'gap', stream, offset: stored[stream], length: produced[stream] - stored[stream], reason }),
  );
}

/**
 * What a spool contains after it was truncated by another process: it was written after the stored output, at an
 * unknown distance. It is declared missing, and more may be.
 */
export function displaced(spool: Position, position: Position): OutputGap[] {
  return STREAMS.filter((stream) => spool[stream] > 0 && spool[stream] < position[stream]).map((stream) => ({
    kind: 'gap',
    stream,
    offset: position[stream],
    length: spool[stream],
    reason: 'spool_short',
  }));
}
