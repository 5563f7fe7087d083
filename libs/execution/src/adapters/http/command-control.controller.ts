import { CommandResponse, hasEnded, toResponse } from '@app/commands';
import { Caller, Idempotent, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { CommandControl } from '../../application/command-control.js';
import { CancelCommandRequest, SignalCommandRequest } from './command-control.dto.js';

const CANCEL = { grace: { summary: 'SIGKILL after 5 s', value: { graceSeconds: 5 } } };
const SIGNAL = { usr1: { summary: 'SIGUSR1', value: { signal: 'USR1' } } };

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1/commands')
export class CommandControlController {
  constructor(private readonly control: CommandControl) {}

  @Post(':id/signal')
  @Scoped('commands:execute')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Send a signal to all processes of a command',
    description:
      'SIGINT and SIGQUIT are refused with 409 if all processes ignore them and commands cannot be started otherwise: in ' +
      'images without perl whose `sh` is not bash and whose `env` lacks `--default-signal`, such as plain Alpine.',
  })
  @ApiBody({ type: SignalCommandRequest, examples: SIGNAL })
  @ApiOkResponse({ type: CommandResponse, description: 'The signal was sent' })
  async signal(
    @Param('id') id: string,
    @Body() { signal }: SignalCommandRequest,
    @Caller() caller: CallerValue,
  ): Promise<CommandResponse> {
    return toResponse(await this.control.signal(id, signal, caller));
  }

  @Post(':id/cancel')
  @Scoped('commands:execute')
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({ summary: 'Cancel a command: SIGTERM to its whole process tree, SIGKILL after the grace period' })
  @ApiBody({ type: CancelCommandRequest, examples: CANCEL })
  @ApiAcceptedResponse({ type: CommandResponse, description: 'The command is being cancelled' })
  @ApiOkResponse({ type: CommandResponse, description: 'The command has ended' })
  async cancel(
    @Param('id') id: string,
    @Body() { graceSeconds }: CancelCommandRequest,
    @Caller() caller: CallerValue,
    @Res({ passthrough: true }) response: Response,
  ): Promise<CommandResponse> {
    const command = await this.control.cancel(id, graceSeconds, caller);
    if (hasEnded(command.status)) response.status(200);
    return toResponse(command);
  }
}
