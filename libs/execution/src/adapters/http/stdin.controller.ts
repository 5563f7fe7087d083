import { Caller, Idempotent, Scoped, Shutdown, clientLeft } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { StdinService } from '../../application/stdin.service.js';
import { StdinResponse, WriteStdinRequest, toPiece } from './stdin.dto.js';

const EXAMPLES = {
  line: { summary: 'A line', value: { data: 'one\n' } },
  end: { summary: 'The end', value: { eof: true } },
};

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1/commands')
export class StdinController {
  constructor(
    private readonly stdin: StdinService,
    private readonly shutdown: Shutdown,
  ) {}

  @Post(':id/stdin')
  @Scoped('commands:execute')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({ summary: 'Write to the stdin of a command created with `"stdin": "open"`' })
  @ApiBody({ type: WriteStdinRequest, examples: EXAMPLES })
  @ApiOkResponse({ type: StdinResponse, description: 'The data was written' })
  async write(
    @Param('id') id: string,
    @Body() body: WriteStdinRequest,
    @Caller() caller: CallerValue,
    @Req() request: Request,
  ): Promise<StdinResponse> {
    const left = clientLeft(request, this.shutdown.signal);
    return { offset: await this.stdin.write(id, toPiece(body), caller, left) };
  }
}
