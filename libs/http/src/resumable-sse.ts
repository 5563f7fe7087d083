import { InvalidInput } from '@app/kernel';
import { Sse, applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiProduces, ApiQuery } from '@nestjs/swagger';
import type { Request } from 'express';

/** So much may wait for a reader before Nest drops the connection; `paced` stops long before. */
const PENDING_BYTES_MAX = 1_048_576;

/** An event stream that goes on behind an event, and takes a ticket in place of a key. */
export function ResumableSse(path: string, { idLengthMax }: { readonly idLengthMax: number }): MethodDecorator {
  return applyDecorators(
    Sse(path, { maxPendingDataLength: PENDING_BYTES_MAX }),
    ApiProduces('text/event-stream'),
    ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Resume behind that event' }),
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

/** EventSource sends the header when it reconnects; the query is for the first connection. The header is the later one. */
export function lastEventId(request: Request): string | null {
  const header = request.get('last-event-id');
  if (header !== undefined && header !== '') return header;
  const { lastEventId: query } = request.query;
  if (query === undefined || query === '') return null;
  if (typeof query !== 'string') throw new InvalidInput([{ pointer: 'lastEventId', detail: 'must be given once' }]);
  return query;
}
