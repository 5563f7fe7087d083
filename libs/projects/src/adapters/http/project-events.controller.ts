import { Caller, EventStreams, ResumableSse, Scoped } from '@app/http';
import { type Caller as CallerValue, InvalidCursor, type LoggedEvent, StreamRoutes } from '@app/kernel';
import { Controller, type MessageEvent, Param, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
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
    private readonly streams: EventStreams,
    projects: ProjectsService,
    routes: StreamRoutes,
  ) {
    routes.add('/v1/projects/:id/events', {
      scope: 'projects:read',
      authorize: async (id, caller) => ({ projectId: (await projects.get(id, caller)).id }),
    });
  }

  @ResumableSse(':id/events', { idLengthMax: 15 })
  @Scoped('projects:read')
  @ApiOperation({
    summary: 'Follow a project by server-sent events',
    description: 'The events are `connected`, `project` (status changes), `command` (life cycle) and `heartbeat`.',
  })
  async follow(
    @Param('id') id: string,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Observable<MessageEvent>> {
    return this.streams.open(request, response, async (last) => {
      const followed = await this.events.follow(id, toSeq(last), caller);
      return { firstId: String(followed.from), events: (signal) => toMessages(followed, signal) };
    });
  }
}

async function* toMessages(
  { project, from, events }: FollowedProject,
  signal: AbortSignal,
): AsyncGenerator<MessageEvent> {
  yield { type: 'connected', id: String(from), data: toResponse(project) };
  for await (const event of events(signal)) yield toMessage(event);
}

/** Includes only the actor's key: addresses are only for the audit log. */
function toMessage({ id, seq, type, at, projectId, target, outcome, actor, data }: LoggedEvent): MessageEvent {
  const kind = type.startsWith('command.') ? 'command' : 'project';
  const subject = kind === 'command' ? { projectId, commandId: target } : { projectId };
  const body = { id, type, at: at.toISOString(), ...subject, outcome, keyId: actor.keyId, data };
  return { type: kind, id: String(seq), data: body };
}

/** Null if there was none: the stream begins now. */
function toSeq(id: string | null): number | null {
  if (id === null) return null;
  if (!/^\d{1,15}$/.test(id)) throw new InvalidCursor();
  return Number(id);
}
