import { Caller, OpenStreams, ResumableSse, Scoped, Shutdown, lastEventId, paced, stream } from '@app/http';
import { type Caller as CallerValue, StreamRoutes } from '@app/kernel';
import { Controller, HttpStatus, type MessageEvent, Param, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { EMPTY, type Observable } from 'rxjs';
import { CommandsService } from '../../application/commands.service.js';
import { OutputService } from '../../application/output.service.js';
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

  @ResumableSse(':id/events', { idLengthMax: 64 })
  @Scoped('commands:read')
  @ApiOperation({ summary: 'Follow a command: `connected`, `status`, `output`, `gap`, `complete`, `heartbeat`' })
  async events(
    @Param('id') id: string,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Observable<MessageEvent>> {
    const command = await this.commands.get(id, caller);
    const last = lastEventId(request);
    const { position, complete } = last === null ? { position: START, complete: false } : parseEventId(last);
    if (complete) {
      // EventSource reconnects until it is told to stop, and 204 tells it. @see HTML, section 9.2.3
      response.status(HttpStatus.NO_CONTENT).end();
      return EMPTY;
    }
    await this.output.assertReadable(command, position);
    this.streams.hold(caller.keyId, response);
    const firstId = formatEventId({ position, complete: false });
    response.setHeader('Last-Event-ID', firstId);
    const messages = paced(request, (signal) =>
      toMessages(this.output.follow(id, caller, position, signal), position, last !== null),
    );
    return stream(messages, this.shutdown.started, firstId);
  }
}
