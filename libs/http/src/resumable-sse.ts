import { InvalidCursor, InvalidInput } from '@app/kernel';
import { Sse, applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiProduces, ApiQuery } from '@nestjs/swagger';
import type { Request } from 'express';
import { ReadsQuery } from './declared-input.js';

/** Unsent data at which Nest drops the connection; `paced` stops far earlier. */
const PENDING_BYTES_MAX = 1_048_576;

/** An event stream that resumes after an event, and accepts a ticket instead of a key. */
export function ResumableSse(path: string, { idLengthMax }: { readonly idLengthMax: number }): MethodDecorator {
  return applyDecorators(
    Sse(path, { maxPendingDataLength: PENDING_BYTES_MAX }),
    ReadsQuery('ticket', 'lastEventId'),
    ApiProduces('text/event-stream'),
    ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Resume after this event' }),
    ApiQuery({
      name: 'ticket',
      required: false,
      schema: { type: 'string', maxLength: 64 },
      description: 'Instead of a key: see `POST /v1/stream-tickets`',
    }),
    ApiQuery({
      name: 'lastEventId',
      required: false,
      schema: { type: 'string', maxLength: idLengthMax },
      description: 'The same as `Last-Event-ID`, for clients that cannot set headers',
    }),
  );
}

/**
 * Opens a stream after the last event that the client has; null: it has none. The header takes precedence: EventSource
 * sends it on reconnects, with the query of the first connection.
 * @throws {@link InvalidCursor} with the client's parameter name if there is no such event
 */
export async function resumed<T>(request: Request, open: (lastEventId: string | null) => Promise<T>): Promise<T> {
  const header = request.get('last-event-id') ?? '';
  const { lastEventId: query = '' } = request.query;
  if (typeof query !== 'string') throw new InvalidInput([{ pointer: 'lastEventId', detail: 'must be given once' }]);
  const id = header === '' ? query : header;
  try {
    return await open(id === '' ? null : id);
  } catch (error) {
    throw error instanceof InvalidCursor ? new InvalidCursor(header === '' ? 'lastEventId' : 'Last-Event-ID') : error;
  }
}
