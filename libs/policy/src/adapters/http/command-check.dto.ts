import { ApiProperty } from '@nestjs/swagger';
import type { CommandForecast } from '../../application/command-check.js';

export class CheckReasonResponse {
  @ApiProperty({ example: 'COMMAND_REJECTED', description: 'The code of the problem that creation would return' })
  code!: string;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ description: 'Whether the same request may succeed later' })
  retryable!: boolean;
}

export class CommandCheckResponse {
  @ApiProperty({ description: 'Whether creation would succeed now' })
  allowed!: boolean;

  @ApiProperty({ type: [CheckReasonResponse], description: 'Reasons for a refusal' })
  reasons!: CheckReasonResponse[];

  @ApiProperty({ type: 'integer', description: 'Queued commands of the project' })
  queued!: number;

  @ApiProperty({ type: 'integer', description: 'Limit of queued commands' })
  queuedMax!: number;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Bytes of each stream that would be kept' })
  maxOutputBytes!: number | null;
}

export function toCheckResponse({ reasons, queued, queuedMax, outputBytesMax }: CommandForecast): CommandCheckResponse {
  return {
    allowed: reasons.length === 0,
    reasons: reasons.map(({ code, message, retryable }) => ({ code, detail: message, retryable })),
    queued,
    queuedMax,
    maxOutputBytes: outputBytesMax,
  };
}
