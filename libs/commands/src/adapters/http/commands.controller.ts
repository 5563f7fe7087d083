import { Caller, Idempotent, OpenStreams, Scoped, Shutdown } from '@app/http';
import { type Caller as CallerValue, DomainError } from '@app/kernel';
import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiHeader,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CommandsService } from '../../application/commands.service.js';
import { QueuePlaces } from '../../application/queue-places.js';
import type { Command } from '../../domain/command.js';
import { hasEnded } from '../../domain/status.js';
import { CommandPage, CommandResponse, toResponse } from './command.response.js';
import {
  CancelCommandRequest,
  CreateCommandRequest,
  ListCommandsQuery,
  SignalCommandRequest,
  UpdateCommandRequest,
  WaitQuery,
  toRequest,
} from './commands.dto.js';
import { toFilter } from './filter.js';
import { preferredWaitSeconds, traceparentOf } from './headers.js';
import { TimelineResponse, toTimeline } from './timeline.dto.js';
import { clientLeft } from './client-left.js';

const EXAMPLES = {
  shell: { summary: 'A script', value: { type: 'shell', script: 'for i in 1 2 3; do echo $i; sleep 1; done' } },
  exec: { summary: 'A program with its arguments', value: { type: 'exec', argv: ['ls', '-l'] } },
  git: { summary: 'git', value: { type: 'git', args: ['status'] } },
};

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1')
export class CommandsController {
  constructor(
    private readonly commands: CommandsService,
    private readonly places: QueuePlaces,
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
  ) {}

  @Post('projects/:projectId/commands')
  @Scoped('commands:execute')
  @HttpCode(202)
  @Idempotent()
  @ApiOperation({ summary: 'Run a command in a project' })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: '`wait=N`: answer 200 if it ends within N seconds, at most 60',
  })
  @ApiBody({ type: CreateCommandRequest, examples: EXAMPLES })
  @ApiAcceptedResponse({ type: CommandResponse })
  @ApiOkResponse({ type: CommandResponse, description: 'It ended in the time that `Prefer: wait=N` gave it' })
  async create(
    @Param('projectId') projectId: string,
    @Body() body: CreateCommandRequest,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CommandResponse> {
    // All that may be refused comes before the command is made.
    const seconds = preferredWaitSeconds(request);
    const release = seconds === null ? null : this.streams.acquire(caller.keyId);
    try {
      const created = await this.commands.create(projectId, toRequest(body, traceparentOf(request)), caller);
      response.location(`/v1/commands/${created.id}`);
      if (seconds === null) return await this.detail(created, caller);
      response.setHeader('Preference-Applied', `wait=${String(seconds)}`);
      const signal = clientLeft(request, this.shutdown.signal);
      const command = await this.commands.wait(created.id, caller, seconds * 1000, signal);
      if (hasEnded(command.status)) response.status(200);
      return await this.detail(command, caller);
    } finally {
      release?.();
    }
  }

  @Get('commands')
  @Scoped('commands:read')
  @ApiOperation({ summary: 'List commands, newest first' })
  @ApiOkResponse({ type: CommandPage })
  async list(@Query() query: ListCommandsQuery, @Caller() caller: CallerValue): Promise<CommandPage> {
    const page = await this.commands.list(toFilter(query), query, caller);
    return { ...page, data: page.data.map((command) => toResponse(command)) };
  }

  @Get('commands/:id')
  @Scoped('commands:read')
  @ApiOperation({ summary: 'Show a command' })
  @ApiOkResponse({ type: CommandResponse })
  async get(@Param('id') id: string, @Caller() caller: CallerValue): Promise<CommandResponse> {
    return this.detail(await this.commands.get(id, caller), caller);
  }

  @Patch('commands/:id')
  @Scoped('commands:execute')
  @ApiOperation({ summary: 'Change the priority of a queued command' })
  @ApiOkResponse({ type: CommandResponse })
  async update(
    @Param('id') id: string,
    @Body() { priority }: UpdateCommandRequest,
    @Caller() caller: CallerValue,
  ): Promise<CommandResponse> {
    return this.detail(await this.commands.reprioritize(id, priority, caller), caller);
  }

  @Get('commands/:id/timeline')
  @Scoped('commands:read')
  @ApiOperation({ summary: 'What has happened to a command, and how long each step took' })
  @ApiOkResponse({ type: TimelineResponse })
  async timeline(@Param('id') id: string, @Caller() caller: CallerValue): Promise<TimelineResponse> {
    return toTimeline(await this.commands.get(id, caller));
  }

  @Post('commands/:id/signal')
  @Scoped('commands:execute')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send a signal to all processes of a command' })
  @ApiOkResponse({ type: CommandResponse, description: 'It was sent' })
  async signal(
    @Param('id') id: string,
    @Body() { signal }: SignalCommandRequest,
    @Caller() caller: CallerValue,
  ): Promise<CommandResponse> {
    return toResponse(await this.commands.signal(id, signal, caller));
  }

  @Post('commands/:id/cancel')
  @Scoped('commands:execute')
  @HttpCode(202)
  @ApiOperation({ summary: 'Cancel a command: SIGTERM to its whole process tree, SIGKILL after the grace' })
  @ApiAcceptedResponse({ type: CommandResponse, description: 'It is being cancelled' })
  @ApiOkResponse({ type: CommandResponse, description: 'It has ended' })
  async cancel(
    @Param('id') id: string,
    @Body() { graceSeconds }: CancelCommandRequest,
    @Caller() caller: CallerValue,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CommandResponse> {
    const command = await this.commands.cancel(id, graceSeconds, caller);
    if (hasEnded(command.status)) response.status(200);
    return toResponse(command);
  }

  @Get('commands/:id/wait')
  @Scoped('commands:read')
  @ApiOperation({ summary: 'Wait for the end, at most 60 s' })
  @ApiOkResponse({ type: CommandResponse, description: 'The command, ended or not' })
  async wait(
    @Param('id') id: string,
    @Query() { timeoutSeconds }: WaitQuery,
    @Caller() caller: CallerValue,
    @Req() request: Request,
  ): Promise<CommandResponse> {
    const signal = clientLeft(request, this.shutdown.signal);
    const release = this.streams.acquire(caller.keyId);
    try {
      const command = await this.commands.wait(id, caller, timeoutSeconds * 1000, signal);
      if (signal.reason instanceof DomainError) throw signal.reason;
      return await this.detail(command, caller);
    } finally {
      release();
    }
  }

  private async detail(command: Command, caller: CallerValue): Promise<CommandResponse> {
    const place = await this.places.of(command);
    const hasLeftQueue = command.status === 'queued' && place === null;
    return toResponse(hasLeftQueue ? await this.commands.get(command.id, caller) : command, place);
  }
}
