import { Scoped } from '@app/http';
import { Clock, Install } from '@app/kernel';
import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Readiness } from './readiness.js';

class ClockResponse {
  @ApiProperty({ format: 'date-time', description: 'The time that all replicas share: that of the database' })
  now!: string;

  @ApiProperty({
    description:
      'How far the clock of the replica that answers is ahead of it, in milliseconds; negative if it is behind. Beyond a minute the replica drops no data past its retention.',
  })
  differenceMs!: number;
}

class SystemPartResponse {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: string;

  @ApiProperty({ required: false, description: 'Why it is down' })
  reason?: string;
}

class SystemResponse {
  @ApiProperty({
    format: 'uuid',
    description: 'The identity of this install: the label `rdev.dev/install` of what it makes in a cluster',
  })
  installId!: string;

  @ApiProperty()
  clock!: ClockResponse;

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/SystemPartResponse' },
    description: 'The parts of `GET /ready`, with the reasons',
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
  @ApiOperation({ summary: 'What an operator asks first; each replica answers for itself' })
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
