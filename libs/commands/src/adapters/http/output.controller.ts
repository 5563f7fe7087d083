import { Caller, OpenStreams, Scoped, Shutdown } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CommandsService } from '../../application/commands.service.js';
import { OutputService } from '../../application/output.service.js';
import { clientLeft } from './client-left.js';
import { sendHeadTail } from './head-tail.js';
import { OutputPage, OutputQuery } from './output.dto.js';
import { framePage } from './frame-page.js';
import { sendFollowed, sendRange } from './raw-output.js';

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1/commands')
export class OutputController {
  constructor(
    private readonly commands: CommandsService,
    private readonly output: OutputService,
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
  ) {}

  @Get(':id/output')
  @Scoped('commands:read')
  @ApiOperation({
    summary: 'Read output: raw bytes of one stream, frames of both as JSON, or the beginning and the end',
    description:
      'Raw answers carry `Rdev-Next-Offset` and `Rdev-Complete`; `Rdev-Missing` names ranges that the output limit cut.',
  })
  @ApiProduces('application/octet-stream', 'application/json')
  @ApiOkResponse({ type: OutputPage })
  async read(
    @Param('id') id: string,
    @Query() query: OutputQuery,
    @Caller() caller: CallerValue,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const command = await this.commands.get(id, caller);
    const signal = clientLeft(request, this.shutdown.signal);
    if (query.view === 'head-tail') await sendHeadTail(this.output, command, query, response);
    else if (request.accepts(['application/octet-stream', 'application/json']) === 'application/json') {
      response.json(await framePage(this.output, command, query));
    } else if (query.follow) {
      this.streams.hold(caller.keyId, response);
      await sendFollowed(this.output, command, caller, query, response, signal);
    } else await sendRange(this.output, command, query, response, signal);
  }
}
