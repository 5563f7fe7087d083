import { AnyKey, Caller, Idempotent, PublicUrl } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { StreamTickets } from '../../application/stream-tickets.js';
import { CreateTicketRequest, TicketResponse, toResponse } from './stream-tickets.dto.js';

const EXAMPLES = {
  project: { summary: 'Stream of a project', value: { path: '/v1/projects/hello/events' } },
};

@ApiTags('streams')
@ApiBearerAuth()
@Controller('v1/stream-tickets')
export class StreamTicketsController {
  constructor(
    private readonly tickets: StreamTickets,
    private readonly publicUrl: PublicUrl,
  ) {}

  @Post()
  @AnyKey()
  @Idempotent()
  @ApiOperation({
    summary: 'Get a ticket that opens one event stream, for EventSource, which cannot send a key',
    description:
      'The key needs the scope of the stream. The ticket must be used within a minute; it is then valid for reconnects to ' +
      'the same URL for 24 hours, until the stream has ended, or until the key loses its permission. ' +
      'Instead of 429 or 503 a ticket gets a stream that contains only `retry:`, since EventSource gives up on any status but 200.',
  })
  @ApiBody({ type: CreateTicketRequest, examples: EXAMPLES })
  @ApiCreatedResponse({ type: TicketResponse })
  async create(@Body() { path }: CreateTicketRequest, @Caller() caller: CallerValue): Promise<TicketResponse> {
    return toResponse(this.publicUrl.of(path), await this.tickets.issue(path, caller));
  }
}
