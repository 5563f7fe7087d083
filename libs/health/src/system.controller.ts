import { Scoped } from '@app/http';
import { Clock, Install } from '@app/kernel';
import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Readiness } from './readiness.js';

class ClockResponse {
  @ApiProperty({ format: 'date-time', description: 'The time of the database, which all replicas share' })
  now!: string;

  @ApiProperty({
    description:
      'Milliseconds by which the clock of this replica is ahead of it; negative if it is behind. Beyond a minute the replica drops no expired data.',
  })
  differenceMs!: number;
}

class SystemPartResponse {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: string;

  @ApiProperty({ required: false, description: 'Reason for being down' })
  reason?: string;
}

class SystemResponse {
  @ApiProperty({
    format: 'uuid',
    description: 'The identity of this install: the label `rdev.dev/install` of the objects that it creates',
  })
  installId!: string;

  @ApiProperty()
  clock!: ClockResponse;

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/SystemPartResponse' },
    description: 'The parts of `GET /ready`, with reasons',
  })
  parts!: Record<string, SystemPartResponse>;
}

@ApiTags('system')
@ApiExtraModels(SystemPartResponse)
@ApiBearerAuth()
@Controller('v1/system')
export class SystemController {
  constructor(
    private readonly clock: Clock,
    private readonly install: Install,
    private readonly readiness: Readiness,
  ) {}

  @Get()
  @Scoped('admin')
  @ApiOperation({ summary: 'State of the replica that handles the request' })
  @ApiOkResponse({ type: SystemResponse })
  async system(): Promise<SystemResponse> {
    const { details } = await this.readiness.check();
    const parts = Object.entries(details).map(([part, { status, reason }]) => [
      part,
      { status, ...(typeof reason === 'string' && { reason }) },
    ]);
    const { differenceMs } = this.clock;
    return {
      installId: this.install.id,
      clock: { now: this.clock.now().toISOString(), differenceMs },
      parts: Object.fromEntries(parts) as SystemResponse['parts'],
    };
  }
}
