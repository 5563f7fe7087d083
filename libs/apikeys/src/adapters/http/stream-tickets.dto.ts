import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import type { IssuedTicket } from '../../application/stream-tickets.js';

export class CreateTicketRequest {
  @ApiProperty({ example: '/v1/commands/cmd_01jd4x…/events', maxLength: 200, description: 'Without a query' })
  @IsString()
  @MaxLength(200)
  path!: string;
}

export class TicketResponse {
  @ApiPropertyOptional({ example: 'rdevt_…', description: 'It is shown only here, and not in a replay' })
  ticket?: string;

  @ApiPropertyOptional({
    example: '/v1/commands/cmd_01jd4x…/events?ticket=rdevt_…',
    description:
      'What EventSource opens: a whole URL with `RDEV_PUBLIC_URL`, otherwise a path, which the page resolves against the address of the API',
  })
  url?: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'Until then it has to be used first' })
  expiresAt!: string;
}

export function toResponse(streamUrl: string, { ticket, expiresAt }: IssuedTicket): TicketResponse {
  return {
    ...(ticket !== null && { ticket, url: `${streamUrl}?ticket=${ticket}` }),
    expiresAt: expiresAt.toISOString(),
  };
}
