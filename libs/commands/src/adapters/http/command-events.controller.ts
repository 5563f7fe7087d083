import { Caller, Scoped, Shutdown, paced, stream } from '@app/http';
import { type Caller as CallerValue, InvalidInput, StreamRoutes } from '@app/kernel';
import { Controller, HttpStatus, type MessageEvent, Param, Query, Req, Res, Sse } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { EMPTY, type Observable } from 'rxjs';
import { CommandsService } from '../../application/commands.service.js';
import { OutputService } from '../../application/output.service.js';
import { OpenStreams } from '../../application/open-streams.js';
import { START } from '../../domain/position.js';
import { formatEventId, parseEventId } from '../../domain/event-id.js';
import { toMessages } from './command-stream.js';

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1/commands')
export class CommandEventsController {
  constructor(
    private readonly commands: CommandsService,
    private readonly output: OutputService,
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
    routes: StreamRoutes,
  ) {
    routes.add('/v1/commands/:id/events', {
      scope: 'commands:read',
      authorize: (id, caller) => commands.get(id, caller),
    });
  }

  @Sse(':id/events', { maxPendingDataLength: 1_048_576 })
  @Scoped('commands:read')
  @ApiOperation({ summary: 'Follow a command: `connected`, `status`, `output`, `gap`, `complete`, `heartbeat`' })
  @ApiProduces('text/event-stream')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Resume after that message' })
  @ApiQuery({
    name: 'ticket',
    required: false,
    schema: { type: 'string', maxLength: 64 },
    description: 'Instead of a key: see `POST /v1/stream-tickets`',
  })
  @ApiQuery({
    name: 'lastEventId',
    required: false,
    schema: { type: 'string', maxLength: 64 },
    description: 'The same, for clients that cannot set headers',
  })
  async events(
    @Param('id') id: string,
    @Query('lastEventId') query: unknown,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Observable<MessageEvent>> {
    const command = await this.commands.get(id, caller);
    const last = lastEventId(request, query);
    const { position, complete } = last === null ? { position: START, complete: false } : parseEventId(last);
    if (complete) {
      // EventSource reconnects until it is told to stop, and 204 tells it. @see HTML, section 9.2.3
      response.status(HttpStatus.NO_CONTENT).end();
      return EMPTY;
    }
    await this.output.assertReadable(command, position);
    const release = this.streams.acquire(caller.keyId);
    response.once('close', release);
    const firstId = formatEventId({ position, complete: false });
    response.setHeader('Last-Event-ID', firstId);
    const messages = paced(request, (signal) =>
      toMessages(this.output.follow(id, caller, position, signal), position, last !== null),
    );
    return stream(messages, this.shutdown.started, firstId);
  }
}

/** EventSource sends the header when it reconnects; the query is for the first connection. The header is the later one. */
function lastEventId(request: Request, query: unknown): string | null {
  const header = request.get('last-event-id');
  if (header !== undefined && header !== '') return header;
  if (query === undefined || query === '') return null;
  if (typeof query !== 'string') throw new InvalidInput([{ pointer: 'lastEventId', detail: 'must be given once' }]);
  return query;
}
