import { Public, Shutdown } from '@app/http';
import { CIRCUIT_STATES, type CircuitStateName, Circuits } from '@app/resilience';
import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
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

/** Without the reason, which may contain hosts and accounts: this route is public. */
class PartResponse {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: string;
}

class ReadyResponse {
  @ApiProperty({
    enum: ['ok', 'degraded', 'error', 'shutting_down'],
    description: '`degraded`: the runtime is unavailable; everything that does not need it works',
  })
  status!: string;

  @ApiProperty({ type: 'object', additionalProperties: { $ref: '#/components/schemas/PartResponse' } })
  details!: Record<string, PartResponse>;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', enum: [...CIRCUIT_STATES] },
    description: 'State of each circuit breaker of this replica, as in `GET /v1/system`; absent if there is none',
  })
  circuits?: Record<string, CircuitStateName>;
}

@ApiTags('health')
@ApiExtraModels(PartResponse)
@Public()
@Controller()
export class HealthController {
  constructor(
    private readonly readiness: Readiness,
    private readonly shutdown: Shutdown,
    private readonly circuits: Circuits,
  ) {}

  @Get('health')
  @ApiOperation({ summary: 'Liveness of the process' })
  @ApiOkResponse({ type: HealthResponse })
  health(): HealthResponse {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Readiness: database, migrations, runtime' })
  @ApiOkResponse({ type: ReadyResponse })
  @ApiServiceUnavailableResponse({ type: ReadyResponse, description: 'The body names the part that is not ready' })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadyResponse> {
    const { status, details } = await this.readiness.check();
    const isReady = status !== 'error' && !this.shutdown.isStopping;
    if (!isReady) response.status(HttpStatus.SERVICE_UNAVAILABLE).setHeader('Retry-After', '1');
    const circuits = [...this.circuits.all()].map(([name, { state }]) => [name, state] as const);
    return {
      status: this.shutdown.isStopping ? 'shutting_down' : status,
      details: toDetails(details),
      ...(circuits.length > 0 && { circuits: Object.fromEntries(circuits) }),
    };
  }
}

function toDetails(details: HealthCheckResult['details']): Record<string, PartResponse> {
  return Object.fromEntries(Object.entries(details).map(([part, { status }]) => [part, { status }]));
}
