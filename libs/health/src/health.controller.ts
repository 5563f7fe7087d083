import { Public, Shutdown } from '@app/http';
import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { HealthCheckResult } from '@nestjs/terminus';
import type { Response } from 'express';
import { Readiness } from './readiness.js';

class HealthResponse {
  @ApiProperty({ enum: ['ok'] })
  status!: 'ok';
}

class PartResponse {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: string;

  @ApiProperty({ required: false, description: 'Why it is down' })
  reason?: string;
}

class ReadyResponse {
  @ApiProperty({ enum: ['ok', 'error', 'shutting_down'] })
  status!: string;

  @ApiProperty({ type: 'object', additionalProperties: { $ref: '#/components/schemas/PartResponse' } })
  details!: Record<string, PartResponse>;
}

@ApiTags('health')
@ApiExtraModels(PartResponse)
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly shutdown: Shutdown,
  ) {}

  @Get('health')
  @ApiOperation({ summary: 'Whether the process lives' })
  @ApiOkResponse({ type: HealthResponse })
  health(): HealthResponse {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Whether it can work: database, migrations, runtime' })
  @ApiOkResponse({ type: ReadyResponse })
  @ApiServiceUnavailableResponse({ type: ReadyResponse, description: 'The body says which part is not ready' })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadyResponse> {
    const { status, details } = await this.readiness.check();
    const isReady = status === 'ok' && !this.shutdown.isStopping;
    if (!isReady) response.status(HttpStatus.SERVICE_UNAVAILABLE).setHeader('Retry-After', '1');
    return { status: this.shutdown.isStopping ? 'shutting_down' : status, details: toDetails(details) };
  }
}

function toDetails(details: HealthCheckResult['details']): Record<string, PartResponse> {
  return Object.fromEntries(
    Object.entries(details).map(([part, { status, reason }]) => [
      part,
      { status, ...(typeof reason === 'string' && { reason }) },
    ]),
  );
}
