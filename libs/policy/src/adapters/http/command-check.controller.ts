import { Caller, Idempotent, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CommandCheck } from '../../application/command-check.js';
import { COMMAND_EXAMPLES, CreateCommandRequest, toRequest } from '@app/commands';
import { CommandCheckResponse, toCheckResponse } from './command-check.dto.js';

@ApiTags('commands')
@ApiBearerAuth()
@Controller('v1/projects')
export class CommandCheckController {
  constructor(private readonly checks: CommandCheck) {}

  @Post(':projectId/commands/check')
  @Scoped('commands:execute')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Check whether a command would be accepted, without creating it',
    description:
      'Applies the policy, the git guard-rail, the state of the project and the limits. A malformed body is 400.',
  })
  @ApiBody({ type: CreateCommandRequest, examples: COMMAND_EXAMPLES })
  @ApiOkResponse({ type: CommandCheckResponse })
  async check(
    @Param('projectId') projectId: string,
    @Body() body: CreateCommandRequest,
    @Caller() caller: CallerValue,
  ): Promise<CommandCheckResponse> {
    return toCheckResponse(await this.checks.forecast(projectId, toRequest(body), caller));
  }
}
