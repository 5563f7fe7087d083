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
  @ApiPropertyOptional({ example: 'rdevt_…', description: 'Shown only here, and not in a replay' })
  ticket?: string;

  @ApiPropertyOptional({
    example: '/v1/commands/cmd_01jd4x…/events?ticket=rdevt_…',
    description:
      'URL for EventSource: absolute if `RDEV_PUBLIC_URL` is set, otherwise a path relative to the address of the API',
  })
  url?: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'Deadline for the first use' })
  expiresAt!: string;
}

export function toResponse(streamUrl: string, { ticket, expiresAt }: IssuedTicket): TicketResponse {
  return {
    ...(ticket !== null && { ticket, url: `${streamUrl}?ticket=${ticket}` }),
    expiresAt: expiresAt.toISOString(),
  };
}
