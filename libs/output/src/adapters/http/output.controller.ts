import { Caller, OpenStreams, Scoped, Shutdown, clientLeft } from '@app/http';
import { type Caller as CallerValue, ReadRecorder } from '@app/kernel';
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CommandsService, wantsTrailers } from '@app/commands';
import { OutputService } from '../../application/output.service.js';
import { sendHeadTail } from './head-tail.js';
import { OutputPage, OutputQuery } from './output.dto.js';
import { outputForm } from './output-form.js';
import { framePage } from './frame-page.js';
import { sendFollowed, sendRange } from './raw-output.js';

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1/commands')
export class OutputController {
  constructor(
    private readonly commands: CommandsService,
    private readonly output: OutputService,
    private readonly reads: ReadRecorder,
    private readonly streams: OpenStreams,
    private readonly shutdown: Shutdown,
  ) {}

  @Get(':id/output')
  @Scoped('commands:read')
  @ApiOperation({
    summary: 'Read output: raw bytes of one stream, frames of both as JSON, or the beginning and the end',
    description:
      'Raw responses have `Rdev-Next-Offset` and `Rdev-Complete`; `Rdev-Missing` lists missing ranges. ' +
      'The header `Rdev-Complete: true` says that the command has ended and no more bytes follow, even if some are missing; the trailer says that all were sent. ' +
      'With `follow=true` the response ends with the command; if bytes are missing the connection is reset instead. ' +
      'Some proxies hide that: compare with `stdoutBytes` or `stderrBytes` of the command, or send `TE: trailers` and look for the trailer `Rdev-Complete: true`. ' +
      'A parameter that does not apply to the requested form is refused: `limit` with `follow`, for example, or `stream` with JSON.',
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
    const form = outputForm(request, query);
    const command = await this.commands.getSummary(id, caller);
    const { projectId } = command;
    await this.reads.record({ type: 'output.read', projectId, target: id, data: { form } });
    const signal = clientLeft(request, this.shutdown.signal);
    if (form === 'head-tail') await sendHeadTail(this.output, command, query, response);
    else if (form === 'frames') response.json(await framePage(this.output, command, query));
    else if (form === 'followed') {
      this.streams.hold(caller.keyId, response);
      await sendFollowed(this.output, command, caller, query, {
        response,
        signal,
        wantsTrailers: wantsTrailers(request),
      });
    } else await sendRange(this.output, command, query, response, signal);
  }
}
