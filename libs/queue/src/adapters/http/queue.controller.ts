import { Caller, Idempotent, PageQuery, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { QueueService } from '../../application/queue.service.js';
import { PauseResponse, QueueResponse, toResponse } from './queue.dto.js';

@ApiTags('queue')
@ApiBearerAuth()
@Controller('v1')
export class QueueController {
  constructor(private readonly queues: QueueService) {}

  @Get('queue')
  @Scoped('queue:read')
  @ApiOperation({ summary: 'Show what is queued and running, by project and priority' })
  @ApiOkResponse({ type: QueueResponse })
  async show(@Query() query: PageQuery, @Caller() caller: CallerValue): Promise<QueueResponse> {
    return toResponse(await this.queues.overview(query, caller));
  }

  @Post('queue/pause')
  @Scoped('queue:write')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({ summary: 'Pause every queue; running commands continue' })
  @ApiOkResponse({ type: PauseResponse })
  async pauseAll(@Caller() caller: CallerValue): Promise<PauseResponse> {
    return { projectId: null, paused: await this.queues.pauseAll(true, caller) };
  }

  @Post('queue/resume')
  @Scoped('queue:write')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({ summary: 'Resume; queues of projects that were paused individually stay paused' })
  @ApiOkResponse({ type: PauseResponse })
  async resumeAll(@Caller() caller: CallerValue): Promise<PauseResponse> {
    return { projectId: null, paused: await this.queues.pauseAll(false, caller) };
  }

  @Post('projects/:id/queue/pause')
  @Scoped('queue:write')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({ summary: 'Pause the queue of a project; running commands continue' })
  @ApiOkResponse({ type: PauseResponse })
  async pause(@Param('id') projectId: string, @Caller() caller: CallerValue): Promise<PauseResponse> {
    return { projectId, paused: await this.queues.pause(projectId, true, caller) };
  }

  @Post('projects/:id/queue/resume')
  @Scoped('queue:write')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({ summary: 'Resume the queue of a project' })
  @ApiOkResponse({ type: PauseResponse })
  async resume(@Param('id') projectId: string, @Caller() caller: CallerValue): Promise<PauseResponse> {
    return { projectId, paused: await this.queues.pause(projectId, false, caller) };
  }
}
