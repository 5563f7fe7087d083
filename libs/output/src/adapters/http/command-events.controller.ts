import { Caller, EventStreams, ResumableSse, Scoped } from '@app/http';
import { type Caller as CallerValue, ReadRecorder, StreamRoutes } from '@app/kernel';
import { Controller, type MessageEvent, Param, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Observable } from 'rxjs';
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
    private readonly reads: ReadRecorder,
    private readonly streams: EventStreams,
    routes: StreamRoutes,
  ) {
    routes.add('/v1/commands/:id/events', {
      scope: 'commands:read',
      authorize: (id, caller) => commands.getSummary(id, caller),
    });
  }

  @ResumableSse(':id/events', { idLengthMax: 64 })
  @Scoped('commands:read')
  @ApiOperation({
    summary: 'Follow a command by server-sent events',
    description:
      'The events are `connected`, `status`, `output`, `gap`, `complete` and `heartbeat`. All have names, so `onmessage` of EventSource is never called. ' +
      'Only `complete` ends the stream: after any other end resume with the last id. The id of `complete` gets 204. `docs/guides/streaming.md` has the details.',
  })
  async events(
    @Param('id') id: string,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Observable<MessageEvent>> {
    const command = await this.commands.getSummary(id, caller);
    return this.streams.open(request, response, async (last) => {
      const eventId = last === null ? { position: START, complete: false } : parseEventId(last);
      if (isEndOf(command, eventId)) return null;
      const { position } = eventId;
      await this.output.assertReadable(command, position);
      const { projectId } = command;
      await this.reads.record({ type: 'output.read', projectId, target: id, data: { form: 'events' } });
      return {
        firstId: formatEventId({ position, complete: false }),
        events: (signal) => toMessages(this.output.follow(id, caller, position, signal), position, last !== null),
      };
    });
  }
}
