import { breakOff, endHead, writeTo } from '@app/http';
import { type Caller, InvalidInput } from '@app/kernel';
import type { StreamName } from '@app/supervisor';
import type { Response } from 'express';
import { GAPS_MAX, type OutputGap } from '../../application/output-ledger.js';
import type { OutputService } from '../../application/output.service.js';
import { runLength } from '../../application/output-writer.js';
import { type CommandSummary, type Position, hasEnded } from '@app/commands';
import type { OutputQuery } from './output.dto.js';

/** The most that a response buffers for a slow reader. */
const BATCH_BYTES = 128 * 1024;

/** Sends the stored bytes of one stream. */
export async function sendRange(
  output: OutputService,
  command: CommandSummary,
  { stream, from, limit }: OutputQuery,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const stored = command.position[stream];
  assertWithin(from, stored);
  const asked = Math.min(stored, from + (limit ?? stored));
  await output.assertReadable(command, startOf(stream, from, command));
  const gaps = await output.gaps(command, stream, from);
  const to = endOfRange(asked, gaps);
  const missing = gaps.flatMap((gap) => overlap(gap, from, to));
  setHeaders(response, to, hasEnded(command.status) && to === stored);
  if (missing.length > 0) response.setHeader('Rdev-Missing', toRanges(missing));
  const bytes = to - from - missing.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  response.setHeader('Content-Length', String(bytes));
  if (endHead(response)) return;
  let at = from;
  while (at < to && !signal.aborted) {
    const runs = await output.readStream(command, stream, at, BATCH_BYTES);
    if (runs.length === 0) break; // Retention dropped it meanwhile.
    for (const run of runs) {
      if (run.kind === 'data') await writeTo(response, run.data.subarray(0, Math.max(0, to - run.offset)), signal);
      at = run.offset + runLength(run);
    }
  }
  // The announced rest will not come, so do not leave the client waiting for it.
  if (at < to || signal.aborted) breakOff(response);
  else response.end();
}

/**
 * Streams one stream to the end of the command. Resets the connection on failure and if bytes are missing, unless the
 * client wants trailers, which report that.
 */
export async function sendFollowed(
  output: OutputService,
  command: CommandSummary,
  caller: Caller,
  { stream, from }: OutputQuery,
  { response, signal, wantsTrailers }: Follower,
): Promise<void> {
  assertWithin(from, command.position[stream]);
  const start = startOf(stream, from, command);
  await output.assertReadable(command, start);
  const known = (await output.gaps(command, stream, from)).flatMap((gap) => overlap(gap, from, Infinity));
  begin(response, known, wantsTrailers);
  if (endHead(response)) return;
  let ended: CommandSummary | undefined;
  const missing: Range[] = [];
  try {
    for await (const item of output.follow(command.id, caller, start, signal)) {
      if (item.kind === 'ended') ended = item.command;
      for (const run of item.kind === 'output' ? item.runs.filter((other) => other.stream === stream) : []) {
        if (run.kind === 'data') await writeTo(response, run.data, signal);
        else if (missing.length < GAPS_MAX) missing.push(...overlap(run, from, Infinity));
      }
    }
  } finally {
    // A response that ends normally is complete; any other must not look like one.
    if (ended === undefined || signal.aborted) breakOff(response);
    else end(response, { isComplete: missing.length === 0 && ended.status !== 'lost', missing, wantsTrailers });
  }
}

function begin(response: Response, known: readonly Range[], wantsTrailers: boolean): void {
  setRawHeaders(response);
  if (known.length > 0) response.setHeader('Rdev-Missing', toRanges(known));
  response.setHeader('X-Accel-Buffering', 'no');
  if (wantsTrailers) response.setHeader('Trailer', 'Rdev-Complete, Rdev-Missing');
  response.flushHeaders();
}

export interface Follower {
  readonly response: Response;
  /** Aborts when the response is no longer wanted. */
  readonly signal: AbortSignal;
  /** The client sent `TE: trailers`. @see RFC 9110, section 10.1.4 */
  readonly wantsTrailers: boolean;
}

interface Ending {
  readonly isComplete: boolean;
  readonly missing: readonly Range[];
  readonly wantsTrailers: boolean;
}

function end(response: Response, { isComplete, missing, wantsTrailers }: Ending): void {
  if (wantsTrailers) {
    response.addTrailers({
      'Rdev-Complete': String(isComplete),
      ...(missing.length > 0 && { 'Rdev-Missing': toRanges(missing) }),
    });
  }
  if (isComplete || wantsTrailers) response.end();
  else breakOff(response);
}

/** The other stream is not wanted, so it counts as read. */
function startOf(stream: StreamName, from: number, { position }: CommandSummary): Position {
  return stream === 'stdout' ? { stdout: from, stderr: position.stderr } : { stdout: position.stdout, stderr: from };
}

function setHeaders(response: Response, nextOffset: number, complete: boolean): void {
  setRawHeaders(response);
  response.setHeader('Rdev-Next-Offset', String(nextOffset));
  response.setHeader('Rdev-Complete', String(complete));
}

function setRawHeaders(response: Response): void {
  response.setHeader('Content-Type', 'application/octet-stream');
  response.setHeader('Cache-Control', 'no-store, no-transform');
  // `from` and `limit` replace `Range`, which needs a body length that is known only at the end.
  response.setHeader('Accept-Ranges', 'none');
}

function assertWithin(from: number, stored: number): void {
  if (from > stored)
    throw new InvalidInput([{ pointer: 'from', detail: `must be at most ${String(stored)}, what is stored so far` }]);
}

/** A header lists at most this many gaps: the response ends after them, and says where the next one begins. */
function endOfRange(asked: number, gaps: readonly OutputGap[]): number {
  const last = gaps[GAPS_MAX - 1];
  return last === undefined ? asked : Math.min(asked, last.offset + last.length);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function toRanges(ranges: readonly Range[]): string {
  return ranges.map(({ from, to }) => `${String(from)}-${String(to)}`).join(', ');
}

function overlap(gap: { offset: number; length: number }, from: number, to: number): Range[] {
  const range = { from: Math.max(gap.offset, from), to: Math.min(gap.offset + gap.length, to) };
  return range.from < range.to ? [range] : [];
}
