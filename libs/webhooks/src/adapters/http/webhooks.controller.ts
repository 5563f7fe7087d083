import { Caller, Idempotent, PageQuery, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { WebhooksService } from '../../application/webhooks.service.js';
import {
  CreateWebhookRequest,
  CreatedWebhookResponse,
  DeliveriesQuery,
  DeliveryPage,
  DeliveryResponse,
  PatchWebhookRequest,
  RecoverRequest,
  RecoverResponse,
  RotateSecretRequest,
  WebhookPage,
  WebhookResponse,
  toCreatedResponse,
  toDeliveryResponse,
  toPatch,
  toResponse,
  toSpec,
} from './webhooks.dto.js';

const CREATE = {
  ended: {
    summary: 'Tells when commands of some projects end',
    value: {
      url: 'https://example.com/hooks/rdev',
      events: ['command.succeeded', 'command.failed', 'command.lost'],
      projects: ['team-a-*'],
    },
  },
};
const CHANGE = { enable: { summary: 'Enable it again', value: { enabled: true } } };
const ROTATE = { hour: { summary: 'Both secrets sign for an hour', value: { overlapSeconds: 3600 } } };
const RECOVER = { outage: { summary: 'What failed since an outage', value: { since: '2026-01-31T08:00:00.000Z' } } };

@ApiTags('webhooks')
@ApiBearerAuth()
@Controller('v1/webhooks')
export class WebhooksController {
  constructor(private readonly webhooks: WebhooksService) {}

  @Post()
  @Scoped('webhooks:write')
  @Idempotent()
  @ApiOperation({
    summary: 'Subscribe a URL to events; the signing secret is shown only here',
    description:
      'Messages are signed and sent as Standard Webhooks 1.0 describes, at least once, and tried again for about a day. They say no more than the key of this request may read.',
  })
  @ApiBody({ type: CreateWebhookRequest, examples: CREATE })
  @ApiCreatedResponse({ type: CreatedWebhookResponse })
  async create(@Body() request: CreateWebhookRequest, @Caller() caller: CallerValue): Promise<CreatedWebhookResponse> {
    return toCreatedResponse(await this.webhooks.create(toSpec(request), caller));
  }

  @Get()
  @Scoped('webhooks:read')
  @ApiOperation({
    summary: 'List webhooks, newest first; a key limited to projects sees only webhooks limited to the same projects',
  })
  @ApiOkResponse({ type: WebhookPage })
  async list(@Query() query: PageQuery, @Caller() caller: CallerValue): Promise<WebhookPage> {
    const page = await this.webhooks.list(query, caller);
    return { ...page, data: page.data.map(toResponse) };
  }

  @Get(':id')
  @Scoped('webhooks:read')
  @ApiOperation({ summary: 'Show a webhook, without its secret' })
  @ApiOkResponse({ type: WebhookResponse })
  async get(@Param('id') id: string, @Caller() caller: CallerValue): Promise<WebhookResponse> {
    return toResponse(await this.webhooks.get(id, caller));
  }

  @Patch(':id')
  @Scoped('webhooks:write')
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: PatchWebhookRequest, examples: CHANGE })
  @ApiOperation({
    summary: 'Change a webhook, by a JSON merge patch',
    description:
      'If anything but the description changes, it says no more than the key of this request may read from now on.',
  })
  @ApiOkResponse({ type: WebhookResponse })
  async patch(
    @Param('id') id: string,
    @Body() request: PatchWebhookRequest,
    @Caller() caller: CallerValue,
  ): Promise<WebhookResponse> {
    return toResponse(await this.webhooks.patch(id, toPatch(request), caller));
  }

  @Delete(':id')
  @Scoped('webhooks:write')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a webhook with its deliveries' })
  @ApiNoContentResponse()
  async remove(@Param('id') id: string, @Caller() caller: CallerValue): Promise<void> {
    await this.webhooks.remove(id, caller);
  }

  @Post(':id/test')
  @Scoped('webhooks:write')
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({ summary: 'Send a message of the type `webhook.test`' })
  @ApiAcceptedResponse({ type: DeliveryResponse })
  async test(@Param('id') id: string, @Caller() caller: CallerValue): Promise<DeliveryResponse> {
    return toDeliveryResponse(await this.webhooks.test(id, caller));
  }

  @Post(':id/rotate-secret')
  @Scoped('webhooks:write')
  @Idempotent()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Issue a new signing secret; it is shown only here',
    description: 'The key of this request must be allowed to read all that the webhook is told.',
  })
  @ApiBody({ type: RotateSecretRequest, examples: ROTATE })
  @ApiOkResponse({ type: CreatedWebhookResponse })
  async rotate(
    @Param('id') id: string,
    @Body() { overlapSeconds }: RotateSecretRequest,
    @Caller() caller: CallerValue,
  ): Promise<CreatedWebhookResponse> {
    return toCreatedResponse(await this.webhooks.rotateSecret(id, overlapSeconds, caller));
  }

  @Get(':id/deliveries')
  @Scoped('webhooks:read')
  @ApiOperation({
    summary: 'List the deliveries of a webhook that the key may read, newest first; kept for 30 days after their end',
  })
  @ApiOkResponse({ type: DeliveryPage })
  async deliveries(
    @Param('id') id: string,
    @Query() query: DeliveriesQuery,
    @Caller() caller: CallerValue,
  ): Promise<DeliveryPage> {
    const page = await this.webhooks.listDeliveries(id, query.status ?? null, query, caller);
    return { ...page, data: page.data.map(toDeliveryResponse) };
  }

  @Post(':id/recover')
  @Scoped('webhooks:write')
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Redeliver what has failed since a time, the oldest first',
    description: 'As far as the key of this request may read it, and the webhook may be told it.',
  })
  @ApiBody({ type: RecoverRequest, examples: RECOVER })
  @ApiAcceptedResponse({ type: RecoverResponse })
  async recover(
    @Param('id') id: string,
    @Body() { since }: RecoverRequest,
    @Caller() caller: CallerValue,
  ): Promise<RecoverResponse> {
    return { recovered: await this.webhooks.recover(id, new Date(since), caller) };
  }
}
