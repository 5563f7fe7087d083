import type { StreamName } from '@app/supervisor';
import type { Response } from 'express';
import type { OutputService } from '../../application/output.service.js';
import { runLength } from '../../application/output-writer.js';
import type { CommandSummary } from '@app/commands';
import { partialCharacterBytes } from '../../domain/utf8.js';
import type { OutputQuery } from './output.dto.js';

/** Sends the beginning and the end of one stream, with a line in between that says which bytes are missing. */
export async function sendHeadTail(
  output: OutputService,
  command: CommandSummary,
  { stream, maxBytes }: OutputQuery,
  response: Response,
): Promise<void> {
  const produced = command.position[stream];
  const gaps = await output.gaps(command, stream, 0);
  // Bytes beyond the output limit are missing anyway: the end means the end of the stored output.
  const stored = gaps[0]?.offset ?? produced;
  const half = Math.floor(maxBytes / 2);
  const whole = stored <= maxBytes;
  const head = await readBytes(output, command, stream, 0, whole ? stored : half);
  const tail = whole ? Buffer.alloc(0) : await readBytes(output, command, stream, stored - half, stored);
  const headEnd = whole ? head.length : head.length - partialCharacterBytes(head);
  const tailStart = leadingContinuationBytes(tail);
  const omitted = { from: headEnd, to: stored - tail.length + tailStart };
  const parts = [head.subarray(0, headEnd)];
  if (omitted.to > omitted.from) parts.push(marker(omitted.from, omitted.to), tail.subarray(tailStart));
  if (produced > stored) parts.push(marker(stored, produced));
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store, no-transform');
  const missing = [omitted, { from: stored, to: produced }].filter(({ from, to }) => to > from);
  if (missing.length > 0)
    response.setHeader('Rdev-Missing', missing.map(({ from, to }) => `${String(from)}-${String(to)}`).join(', '));
  response.end(Buffer.concat(parts));
}

function marker(from: number, to: number): Buffer {
  return Buffer.from(`\n[… ${String(to - from)} bytes are missing here: ${String(from)} to ${String(to)} …]\n`);
}

async function readBytes(
  output: OutputService,
  command: CommandSummary,
  stream: StreamName,
  from: number,
  to: number,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let at = from; at < to;) {
    const runs = await output.readStream(command, stream, at, to - at);
    if (runs.length === 0) break;
    for (const run of runs) {
      if (run.kind === 'data') parts.push(run.data.subarray(0, Math.max(0, to - run.offset)));
      at = run.offset + runLength(run);
    }
  }
  return Buffer.concat(parts);
}

/** Leading bytes of a character whose first byte was cut off. */
function leadingContinuationBytes(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && count < bytes.length && ((bytes[count] ?? 0) & 0b1100_0000) === 0b1000_0000) count++;
  return count;
}
