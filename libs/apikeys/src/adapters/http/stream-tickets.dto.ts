import { ApiProperty } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import type { IssuedTicket } from '../../application/stream-tickets.js';

export class CreateTicketRequest {
  @ApiProperty({ example: '/v1/commands/cmd_01jd4x…/events', maxLength: 200, description: 'Without a query' })
  @IsString()
  @MaxLength(200)
  path!: string;
}

export class TicketResponse {
  @ApiProperty({ example: 'rdevt_…' })
  ticket!: string;

  @ApiProperty({ example: '/v1/commands/cmd_01jd4x…/events?ticket=rdevt_…', description: 'What EventSource opens' })
  url!: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'Until then it has to be used first' })
  expiresAt!: string;
}

export function toResponse(path: string, { ticket, expiresAt }: IssuedTicket): TicketResponse {
  return { ticket, url: `${path}?ticket=${ticket}`, expiresAt: expiresAt.toISOString() };
}
