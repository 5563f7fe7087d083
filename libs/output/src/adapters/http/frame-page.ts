import { InvalidInput, PAGE_BYTES_MAX } from '@app/kernel';
import type { OutputService } from '../../application/output.service.js';
import { advance } from '../../application/output-writer.js';
import { type CommandSummary, type Position, START, isAt, hasEnded } from '@app/commands';
import { formatEventId, parseEventId } from '../../domain/event-id.js';
import { type Frame, Framer } from './framer.js';
import type { FrameResponse, OutputPage, OutputQuery } from './output.dto.js';

const FRAMES_DEFAULT = 50;
const FRAMES_MAX = 200;
const BATCH_BYTES = 256 * 1024;

/** One page of frames of both streams. While the command runs, its cursor stays valid for later output. */
export async function framePage(
  output: OutputService,
  command: CommandSummary,
  query: OutputQuery,
): Promise<OutputPage> {
  const limit = query.limit ?? FRAMES_DEFAULT;
  if (limit > FRAMES_MAX)
    throw new InvalidInput([{ pointer: 'limit', detail: `must be at most ${String(FRAMES_MAX)} frames` }]);
  const from = query.cursor === undefined ? START : parseEventId(query.cursor).position;
  await output.assertReadable(command, from);
  const given = await framesFrom(output, command, from, limit);
  const position = given.at(-1)?.after ?? from;
  const complete = hasEnded(command.status) && isAt(position, command.position);
  const nextCursor = complete ? null : formatEventId({ position, complete: false });
  return { data: given.map(toResponse), nextCursor, complete };
}

/** At most `limit` frames, and at most a page's bytes of JSON. */
async function framesFrom(
  output: OutputService,
  command: CommandSummary,
  from: Position,
  limit: number,
): Promise<Frame[]> {
  const frames: Frame[] = [];
  let bytes = 0;
  for await (const frame of allFrames(output, command, from)) {
    bytes += Buffer.byteLength(JSON.stringify(toResponse(frame))) + 1;
    if (bytes > PAGE_BYTES_MAX && frames.length > 0) break;
    frames.push(frame);
    if (frames.length === limit) break;
  }
  return frames;
}

async function* allFrames(output: OutputService, command: CommandSummary, from: Position): AsyncGenerator<Frame> {
  const framer = new Framer(from);
  for (let at = from; !isAt(at, command.position);) {
    const runs = await output.read(command, at, BATCH_BYTES);
    if (runs.length === 0) break;
    yield* framer.push(runs);
    at = advance(at, runs);
  }
  // A split character at the end is left for the next page, unless its rest cannot arrive any more.
  if (hasEnded(command.status)) yield* framer.flush();
}

function toResponse({ kind, after: _after, ...rest }: Frame): FrameResponse {
  return { type: kind, ...rest };
}
