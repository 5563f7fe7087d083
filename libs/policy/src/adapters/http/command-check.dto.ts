import { ApiProperty } from '@nestjs/swagger';
import type { CommandForecast } from '../../application/command-check.js';

export class CheckReasonResponse {
  @ApiProperty({ example: 'COMMAND_REJECTED', description: 'The code of the problem that creation would answer' })
  code!: string;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ description: 'Whether the same request may succeed later' })
  retryable!: boolean;
}

export class CommandCheckResponse {
  @ApiProperty({ description: 'Whether creation would succeed now' })
  allowed!: boolean;

  @ApiProperty({ type: [CheckReasonResponse], description: 'Why not' })
  reasons!: CheckReasonResponse[];

  @ApiProperty({ type: 'integer', description: 'Commands of the project that wait' })
  queued!: number;

  @ApiProperty({ type: 'integer', description: 'The most that may wait' })
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
