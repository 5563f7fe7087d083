import { Caller, Idempotent, OpenStreams, PublicUrl, Scoped, Shutdown, clientLeft } from '@app/http';
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
import { CommandPage, CommandResponse, toItem, toResponse } from './command.response.js';
import { CreateCommandRequest, ListCommandsQuery, UpdateCommandRequest, WaitQuery, toRequest } from './commands.dto.js';
import { COMMAND_EXAMPLES } from './command-examples.js';
import { toFilter } from './filter.js';
import { boundedWaitSeconds, preferredWaitSeconds } from './headers.js';
import { TimelineResponse, toTimeline } from './timeline.dto.js';

const PRIORITY = { high: { summary: 'Before most others', value: { priority: 'high' } } };

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1')
export class CommandsController {
  constructor(
    private readonly commands: CommandsService,
    private readonly places: QueuePlaces,
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
    private readonly publicUrl: PublicUrl,
  ) {}

  @Post('projects/:projectId/commands')
  @Scoped('commands:execute')
  @HttpCode(202)
  @Idempotent()
  @ApiOperation({ summary: 'Run a command in a project' })
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description:
      '`wait=N`, N up to 60: responds 200 if it ends within that time, otherwise 202 after N s, but at most 45 s (`Preference-Applied` says which). ' +
      'Send an `Idempotency-Key` with it: otherwise a proxy that retries a slow request starts the command twice.',
  })
  @ApiBody({ type: CreateCommandRequest, examples: COMMAND_EXAMPLES })
  @ApiAcceptedResponse({ type: CommandResponse })
  @ApiOkResponse({ type: CommandResponse, description: 'It ended within the time given by `Prefer: wait=N`' })
  async create(
    @Param('projectId') projectId: string,
    @Body() body: CreateCommandRequest,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CommandResponse> {
    // Everything that may be refused comes before the command is created.
    const seconds = preferredWaitSeconds(request);
    const release = seconds === null ? null : this.streams.acquire(caller.keyId);
    try {
      const created = await this.commands.create(projectId, toRequest(body), caller);
      response.location(this.publicUrl.of(`/v1/commands/${created.id}`));
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
    return { ...page, data: page.data.map(toItem) };
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
  @ApiBody({ type: UpdateCommandRequest, examples: PRIORITY })
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
  @ApiOperation({ summary: 'Show what has happened to a command, and how long each step took' })
  @ApiOkResponse({ type: TimelineResponse })
  async timeline(@Param('id') id: string, @Caller() caller: CallerValue): Promise<TimelineResponse> {
    return toTimeline(await this.commands.getSummary(id, caller));
  }

  @Get('commands/:id/wait')
  @Scoped('commands:read')
  @ApiOperation({
    summary: 'Wait for the end of a command: responds after `timeoutSeconds`, and after 45 s at the latest',
  })
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
      const command = await this.commands.wait(id, caller, boundedWaitSeconds(timeoutSeconds) * 1000, signal);
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
