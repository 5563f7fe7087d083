import { Caller, OpenStreams, ResumableSse, Scoped, Shutdown, paced, resumed, stream } from '@app/http';
import { type Caller as CallerValue, StreamRoutes } from '@app/kernel';
import { Controller, HttpStatus, type MessageEvent, Param, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { EMPTY, type Observable } from 'rxjs';
import { CommandsService, START } from '@app/commands';
import { OutputService } from '../../application/output.service.js';
import { formatEventId, isEndOf, parseEventId } from '../../domain/event-id.js';
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
      authorize: (id, caller) => commands.look(id, caller),
    });
  }

  @ResumableSse(':id/events', { idLengthMax: 64 })
  @Scoped('commands:read')
  @ApiOperation({
    summary: 'Follow a command by server-sent events',
    description:
      'The events are `connected`, `status`, `output`, `gap`, `complete` and `heartbeat`. All have names, so `onmessage` of EventSource is never called. ' +
      'Only `complete` ends the stream: after any other end resume with the last id. An id given with `complete` is answered by 204. `docs/streaming.md` has the details.',
  })
  async events(
    @Param('id') id: string,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Observable<MessageEvent>> {
    const command = await this.commands.look(id, caller);
    const { position, hasSeenEnd, reconnecting } = await resumed(request, async (last) => {
      const id = last === null ? { position: START, complete: false } : parseEventId(last);
      const hasSeenEnd = isEndOf(command, id);
      if (!hasSeenEnd) await this.output.assertReadable(command, id.position);
      return { position: id.position, hasSeenEnd, reconnecting: last !== null };
    });
    if (hasSeenEnd) {
      // EventSource reconnects until it is told to stop, and 204 tells it. @see HTML, section 9.2.3
      response.status(HttpStatus.NO_CONTENT).end();
      return EMPTY;
    }
    this.streams.hold(caller.keyId, response);
    const firstId = formatEventId({ position, complete: false });
    response.setHeader('Last-Event-ID', firstId);
    const messages = paced(request, (signal) =>
      toMessages(this.output.follow(id, caller, position, signal), position, reconnecting),
    );
    return stream(messages, this.shutdown.started, firstId);
  }
}
