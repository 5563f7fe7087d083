import { Caller, Idempotent, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { WebhooksService } from '../../application/webhooks.service.js';
import { DeliveryDetailResponse, DeliveryResponse, toDeliveryDetail, toDeliveryResponse } from './webhooks.dto.js';

@ApiTags('webhooks')
@ApiBearerAuth()
@Controller('v1/deliveries')
export class DeliveriesController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Get(':id')
  @Scoped('webhooks:read')
  @ApiOperation({ summary: 'Show a delivery with every attempt' })
  @ApiOkResponse({ type: DeliveryDetailResponse })
  async get(@Param('id') id: string, @Caller() caller: CallerValue): Promise<DeliveryDetailResponse> {
    const { delivery, attempts } = await this.webhooks.delivery(id, caller);
    return toDeliveryDetail(delivery, attempts);
  }

  @Post(':id/redeliver')
  @Scoped('webhooks:write')
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({ summary: 'Send a delivery again that has been delivered or has failed' })
  @ApiAcceptedResponse({ type: DeliveryResponse })
  async redeliver(@Param('id') id: string, @Caller() caller: CallerValue): Promise<DeliveryResponse> {
    return toDeliveryResponse(await this.webhooks.redeliver(id, caller));
  }
}
