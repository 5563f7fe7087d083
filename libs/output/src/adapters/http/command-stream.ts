import type { MessageEvent } from '@nestjs/common';
import type { Followed } from '../../application/output.service.js';
import type { Position } from '@app/commands';
import { formatEventId } from '../../domain/event-id.js';
import { type Frame, Framer } from './framer.js';

/** How long a split character waits for its rest; it is sent at most one poll (200 ms) later. */
const PARTIAL_CHARACTER_MS = 50;

/** The messages of a command's stream. Each carries the position that a client has reached after reading it. */
export async function* toMessages(
  followed: AsyncIterable<Followed>,
  from: Position,
  reconnecting: boolean,
): AsyncGenerator<MessageEvent> {
  const framer = new Framer(from);
  const id = (complete = false): string => formatEventId({ position: framer.position, complete });
  for await (const item of followed) {
    switch (item.kind) {
      case 'opened': {
        const { id: commandId, projectId, status } = item.command;
        yield { type: 'connected', id: id(), data: { commandId, projectId, status, reconnecting } };
        yield { type: 'status', id: id(), data: toStatus(item) };
        break;
      }
      case 'status':
        yield { type: 'status', id: id(), data: toStatus(item) };
        break;
      case 'output':
        for (const frame of framer.push(item.runs)) yield toMessage(frame);
        break;
      case 'idle':
        for (const frame of framer.flush(PARTIAL_CHARACTER_MS)) yield toMessage(frame);
        break;
      case 'ended': {
        for (const frame of framer.flush()) yield toMessage(frame);
        const { status, result } = item.command;
        yield { type: 'complete', id: id(true), data: { status, result } };
      }
    }
  }
}

function toStatus({ command: { status }, place }: Extract<Followed, { place: unknown }>): object {
  return { status, at: new Date().toISOString(), ...(place && { queue: place }) };
}

function toMessage(frame: Frame): MessageEvent {
  const id = formatEventId({ position: frame.after, complete: false });
  if (frame.kind === 'gap') {
    const { stream, from, to, reason } = frame;
    return { type: 'gap', id, data: { stream, from, to, reason } };
  }
  const { stream, data, encoding, offset } = frame;
  return { type: 'output', id, data: { stream, data, encoding, offset } };
}
