import { AnyKey, Caller } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { StreamTickets } from '../../application/stream-tickets.js';
import { CreateTicketRequest, TicketResponse, toResponse } from './stream-tickets.dto.js';

@ApiTags('streams')
@ApiBearerAuth()
@Controller('v1/stream-tickets')
export class StreamTicketsController {
  constructor(private readonly tickets: StreamTickets) {}

  @Post()
  @AnyKey()
  @ApiOperation({
    summary: 'Get a ticket that opens one event stream, for EventSource, which cannot send a key',
    description:
      'Needs the scope that the stream needs. The ticket has to be used within a minute; then it is good for reconnects to ' +
      'the same URL for 24 hours, until what is streamed has ended, or until the key loses its right.',
  })
  @ApiCreatedResponse({ type: TicketResponse })
  async create(@Body() { path }: CreateTicketRequest, @Caller() caller: CallerValue): Promise<TicketResponse> {
    return toResponse(path, await this.tickets.issue(path, caller));
  }
}
