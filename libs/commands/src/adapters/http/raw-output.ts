import { once } from 'node:events';
import { type Caller, InvalidInput } from '@app/kernel';
import type { StreamName } from '@app/supervisor';
import type { Response } from 'express';
import type { OutputRun } from '../../application/output-ledger.js';
import type { OutputService } from '../../application/output.service.js';
import { runLength } from '../../application/output-writer.js';
import type { Command } from '../../domain/command.js';
import type { Position } from '../../domain/position.js';
import { hasEnded } from '../../domain/status.js';
import type { OutputQuery } from './output.dto.js';

const BATCH_BYTES = 512 * 1024;

/** Sends the bytes of one stream that are stored now. */
export async function sendRange(
  output: OutputService,
  command: Command,
  { stream, from, limit }: OutputQuery,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const stored = command.position[stream];
  assertWithin(from, stored);
  const to = Math.min(stored, from + (limit ?? stored));
  await output.assertReadable(command, startOf(stream, from, command));
  const gaps = await output.gaps(command, stream);
  const missing = gaps.flatMap((gap) => overlap(gap, from, to));
  setHeaders(response, to, hasEnded(command.status) && to === stored);
  if (missing.length > 0)
    response.setHeader('Rdev-Missing', missing.map((gap) => `${String(gap.from)}-${String(gap.to)}`).join(', '));
  const bytes = to - from - missing.reduce((sum, gap) => sum + gap.to - gap.from, 0);
  response.setHeader('Content-Length', String(bytes));
  let at = from;
  while (at < to && !signal.aborted) {
    const runs = await output.readStream(command, stream, at, BATCH_BYTES);
    if (runs.length === 0) break; // Retention dropped it meanwhile.
    for (const run of runs) {
      if (run.kind === 'data') await write(response, run.data.subarray(0, Math.max(0, to - run.offset)), signal);
      at = run.offset + runLength(run);
    }
  }
  // The rest is not to come: whoever waits for the length that was announced would wait for long.
  if (at < to) response.destroy();
  else response.end();
}

/** Streams one stream to the end of the command; breaks the connection if it cannot reach it. */
export async function sendFollowed(
  output: OutputService,
  command: Command,
  caller: Caller,
  { stream, from }: OutputQuery,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  assertWithin(from, command.position[stream]);
  const start = startOf(stream, from, command);
  await output.assertReadable(command, start);
  response.setHeader('Content-Type', 'application/octet-stream');
  response.setHeader('Cache-Control', 'no-store, no-transform');
  response.setHeader('X-Accel-Buffering', 'no');
  response.flushHeaders();
  let ended = false;
  try {
    for await (const item of output.follow(command.id, caller, start, signal)) {
      if (item.kind === 'output') await writeRuns(item.runs, stream, response, signal);
      ended = item.kind === 'ended';
    }
  } finally {
    // An answer that ends in an orderly way is whole: any other must not look like it.
    if (ended) response.end();
    else response.destroy();
  }
}

async function writeRuns(
  runs: readonly OutputRun[],
  stream: StreamName,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  for (const run of runs) {
    if (run.kind === 'data' && run.stream === stream) await write(response, run.data, signal);
  }
}

async function write(response: Response, data: Buffer, signal: AbortSignal): Promise<void> {
  if (data.length === 0 || signal.aborted || response.write(data)) return;
  await once(response, 'drain', { signal }).catch(() => undefined);
}

/** Of the other stream nothing is wanted: it counts as read. */
function startOf(stream: StreamName, from: number, { position }: Command): Position {
  return stream === 'stdout' ? { stdout: from, stderr: position.stderr } : { stdout: position.stdout, stderr: from };
}

function setHeaders(response: Response, nextOffset: number, complete: boolean): void {
  response.setHeader('Content-Type', 'application/octet-stream');
  response.setHeader('Cache-Control', 'no-store, no-transform');
  response.setHeader('Rdev-Next-Offset', String(nextOffset));
  response.setHeader('Rdev-Complete', String(complete));
}

function assertWithin(from: number, stored: number): void {
  if (from > stored)
    throw new InvalidInput([{ pointer: 'from', detail: `must be at most ${String(stored)}, what is stored so far` }]);
}

function overlap(gap: { offset: number; length: number }, from: number, to: number): { from: number; to: number }[] {
  const range = { from: Math.max(gap.offset, from), to: Math.min(gap.offset + gap.length, to) };
  return range.from < range.to ? [range] : [];
}
