import { InvalidInput } from '@app/kernel';
import type { OutputService } from '../../application/output.service.js';
import { advance } from '../../application/output-writer.js';
import type { Command } from '../../domain/command.js';
import { type Position, START, isAt } from '../../domain/position.js';
import { hasEnded } from '../../domain/status.js';
import { formatEventId, parseEventId } from '../../domain/event-id.js';
import { type Frame, Framer } from './framer.js';
import type { FrameResponse, OutputPage, OutputQuery } from './output.dto.js';

const FRAMES_DEFAULT = 50;
const FRAMES_MAX = 200;
const BATCH_BYTES = 512 * 1024;

/** One page of frames of both streams. Its cursor is good for more also while the command runs. */
export async function framePage(output: OutputService, command: Command, query: OutputQuery): Promise<OutputPage> {
  const limit = query.limit ?? FRAMES_DEFAULT;
  if (limit > FRAMES_MAX)
    throw new InvalidInput([{ pointer: 'limit', detail: `must be at most ${String(FRAMES_MAX)} frames` }]);
  const from = query.cursor === undefined ? START : parseEventId(query.cursor).position;
  await output.assertReadable(command, from);
  const given = (await framesFrom(output, command, from, limit)).slice(0, limit);
  const position = given.at(-1)?.after ?? from;
  const complete = hasEnded(command.status) && isAt(position, command.position);
  const nextCursor = complete ? null : formatEventId({ position, complete: false });
  return { data: given.map(toResponse), nextCursor, complete };
}

/** At least `limit` frames, if there are so many. */
async function framesFrom(output: OutputService, command: Command, from: Position, limit: number): Promise<Frame[]> {
  const framer = new Framer(from);
  const frames: Frame[] = [];
  for (let at = from; frames.length < limit && !isAt(at, command.position);) {
    const runs = await output.read(command, at, BATCH_BYTES);
    if (runs.length === 0) break;
    for (const frame of framer.push(runs)) frames.push(frame);
    at = advance(at, runs);
  }
  // Half a character at the end stays for the next page, unless nothing can come to complete it.
  if (hasEnded(command.status) && frames.length < limit) frames.push(...framer.flush());
  return frames;
}

function toResponse({ kind, after: _after, ...rest }: Frame): FrameResponse {
  return { type: kind, ...rest };
}
