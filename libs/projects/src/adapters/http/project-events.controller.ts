import { Caller, Scoped, Shutdown, paced, stream } from '@app/http';
import { type Caller as CallerValue, InvalidCursor, InvalidInput, type LoggedEvent, StreamRoutes } from '@app/kernel';
import { Controller, type MessageEvent, Param, Query, Req, Res, Sse } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import type { Observable } from 'rxjs';
import { ProjectsService } from '../../application/projects.service.js';
import { type FollowedProject, ProjectEventsService } from '../../application/project-events.service.js';
import { toResponse } from './projects.dto.js';

@ApiTags('projects')
@ApiBearerAuth()
@Controller('v1/projects')
export class ProjectEventsController {
  constructor(
    private readonly events: ProjectEventsService,
    private readonly shutdown: Shutdown,
    projects: ProjectsService,
    routes: StreamRoutes,
  ) {
    routes.add('/v1/projects/:id/events', {
      scope: 'projects:read',
      authorize: (id, caller) => projects.get(id, caller),
    });
  }

  @Sse(':id/events', { maxPendingDataLength: 1_048_576 })
  @Scoped('projects:read')
  @ApiOperation({
    summary: 'Follow a project: `connected`, `project` (status changes), `command` (life cycle), `heartbeat`',
  })
  @ApiProduces('text/event-stream')
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'Resume behind that event; else begin now' })
  @ApiQuery({
    name: 'ticket',
    required: false,
    schema: { type: 'string', maxLength: 64 },
    description: 'Instead of a key: see `POST /v1/stream-tickets`',
  })
  @ApiQuery({
    name: 'lastEventId',
    required: false,
    schema: { type: 'string', maxLength: 15 },
    description: 'The same, for clients that cannot set headers',
  })
  async follow(
    @Param('id') id: string,
    @Query('lastEventId') query: unknown,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Observable<MessageEvent>> {
    const followed = await this.events.follow(id, lastSeq(request, query), caller);
    const firstId = String(followed.from);
    response.setHeader('Last-Event-ID', firstId);
    return stream(
      paced(request, (signal) => toMessages(followed, signal)),
      this.shutdown.started,
      firstId,
    );
  }
}

async function* toMessages(
  { project, from, events }: FollowedProject,
  signal: AbortSignal,
): AsyncGenerator<MessageEvent> {
  yield { type: 'connected', id: String(from), data: toResponse(project) };
  for await (const event of events(signal)) yield toMessage(event);
}

/** Of the actor only the key: addresses are for the audit. */
function toMessage({ id, seq, type, at, projectId, target, outcome, actor, data }: LoggedEvent): MessageEvent {
  const kind = type.startsWith('command.') ? 'command' : 'project';
  const subject = kind === 'command' ? { projectId, commandId: target } : { projectId };
  const body = { id, type, at: at.toISOString(), ...subject, outcome, keyId: actor.keyId, data };
  return { type: kind, id: String(seq), data: body };
}

/** The header wins, as EventSource sends it when it reconnects. Null: none was given. */
function lastSeq(request: Request, query: unknown): number | null {
  const header = request.get('last-event-id');
  const text = header === undefined || header === '' ? query : header;
  if (text === undefined || text === '') return null;
  if (typeof text !== 'string') throw new InvalidInput([{ pointer: 'lastEventId', detail: 'must be given once' }]);
  if (!/^\d{1,15}$/.test(text)) throw new InvalidCursor();
  return Number(text);
}
