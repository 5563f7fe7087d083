import { IsInstant } from '@app/http';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateIf,
} from 'class-validator';
import { PageQuery } from '@app/http';
import { type NewWebhook, RECOVERED_MAX } from '../../application/webhooks.service.js';
import { type Attempt, DELIVERY_STATUSES, type Delivery, type DeliveryStatus } from '../../domain/delivery.js';
import { MESSAGE_TYPES } from '../../domain/message.js';
import { type Webhook, type WebhookPatch, type WebhookSpec, isTypeGlob } from '../../domain/webhook.js';

const NO_NUL = /^[^\0]*$/;
const PROJECT_GLOB = /^[a-z0-9*-]{1,40}$/;
const DAY_SECONDS = 86_400;
const isGiven = (_request: unknown, value: unknown): boolean => value !== undefined;

const IsTypeGlobs = (): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isTypeGlob',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && value.length <= 100 && isTypeGlob(value),
        defaultMessage: () => `must be a type, or a pattern of types with *: ${MESSAGE_TYPES.join(', ')}`,
      },
    },
    { each: true },
  );

const EVENTS = {
  type: 'array',
  minItems: 1,
  maxItems: 50,
  items: { type: 'string', maxLength: 100 },
  example: ['command.*'],
  description: `Types of events, with * as a wildcard: ${MESSAGE_TYPES.map((type) => `\`${type}\``).join(', ')}`,
} as const;

const URL_FIELD = {
  type: String,
  format: 'uri',
  maxLength: 2_048,
  example: 'https://example.com/hooks/rdev',
  description:
    'Where messages are sent. It must not lead to a private address unless `WEBHOOK_ALLOWED_CIDRS` allows it',
} as const;

class Optionals {
  @ApiPropertyOptional({
    type: 'array',
    minItems: 1,
    maxItems: 100,
    items: { type: 'string', pattern: PROJECT_GLOB.source },
    nullable: true,
    example: ['team-a-*'],
    description: 'Globs of project ids; null: all that the key sees',
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @Matches(PROJECT_GLOB, { each: true, message: 'must be a project id, with * as a wildcard' })
  projects?: string[] | null;

  @ApiPropertyOptional({ type: String, maxLength: 500, nullable: true })
  @IsOptional()
  @IsString()
  @Matches(NO_NUL, { message: 'must not contain a NUL character' })
  @MaxLength(500)
  description?: string | null;

  @ApiPropertyOptional({ type: Boolean, default: true, description: 'Whether messages are sent' })
  @ValidateIf(isGiven)
  @IsBoolean()
  enabled?: boolean;
}

export class CreateWebhookRequest extends Optionals {
  @ApiProperty(URL_FIELD)
  @IsString()
  @MaxLength(2_048)
  url!: string;

  @ApiProperty(EVENTS)
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @IsTypeGlobs()
  events!: string[];
}

/** Absent fields stay unchanged. */
export class PatchWebhookRequest extends Optionals {
  @ApiPropertyOptional(URL_FIELD)
  @ValidateIf(isGiven)
  @IsString()
  @MaxLength(2_048)
  url?: string;

  @ApiPropertyOptional(EVENTS)
  @ValidateIf(isGiven)
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @IsTypeGlobs()
  events?: string[];
}

export class RotateSecretRequest {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 30 * DAY_SECONDS,
    default: DAY_SECONDS,
    description: 'Seconds for which the old secret signs as well; 0: it stops immediately',
  })
  @ValidateIf(isGiven)
  @IsInt()
  @Min(0)
  @Max(30 * DAY_SECONDS)
  overlapSeconds: number = DAY_SECONDS;
}

export class RecoverRequest {
  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'Redeliver what was created since then and has failed',
  })
  @IsInstant()
  since!: string;
}

export class DeliveriesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES })
  @IsOptional()
  @IsIn(DELIVERY_STATUSES)
  status?: DeliveryStatus;
}

export class WebhookResponse {
  @ApiProperty({ example: 'whk_01jd4x…' })
  id!: string;

  @ApiProperty()
  url!: string;

  @ApiProperty({ type: [String] })
  events!: readonly string[];

  @ApiProperty({ type: [String], nullable: true })
  projects!: readonly string[] | null;

  @ApiProperty({ type: String, nullable: true })
  description!: string | null;

  @ApiProperty()
  enabled!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'Why rdev disabled it' })
  disabledReason!: string | null;

  @ApiProperty({ description: 'The key that created or last changed it. Messages say no more than this key may read' })
  keyId!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Since when every attempt has failed, with at most 30 hours between two',
  })
  failingSince!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time' })
  updatedAt!: string;
}

export class CreatedWebhookResponse extends WebhookResponse {
  @ApiPropertyOptional({ description: 'The signing secret, `whsec_…`. Shown only here, and not in a replay' })
  secret?: string;
}

export class WebhookPage {
  @ApiProperty({ type: [WebhookResponse] })
  data!: WebhookResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export class DeliveryResponse {
  @ApiProperty({ example: 'dlv_01jd4x…' })
  id!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Null: it goes to the callback of a command' })
  webhookId!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The `callbackUrl` of the command' })
  callbackUrl!: string | null;

  @ApiProperty({ description: 'The `webhook-id` of every attempt: the id of the event' })
  messageId!: string;

  @ApiProperty({ enum: MESSAGE_TYPES })
  type!: string;

  @ApiProperty({ type: String, nullable: true })
  projectId!: string | null;

  @ApiProperty({ enum: DELIVERY_STATUSES })
  status!: DeliveryStatus;

  @ApiProperty({ type: 'integer', description: 'Attempts since it was created or last redelivered' })
  attemptCount!: number;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'Null unless it is pending' })
  nextAttemptAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  endedAt!: string | null;
}

export class AttemptResponse {
  @ApiProperty({ type: String, format: 'date-time' })
  at!: string;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Status of the response; null: there was none' })
  status!: number | null;

  @ApiProperty({ type: 'integer' })
  latencyMs!: number;

  @ApiProperty({ type: String, nullable: true, description: 'The first KiB of the response' })
  excerpt!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Why there was no response' })
  error!: string | null;
}

export class DeliveryDetailResponse extends DeliveryResponse {
  @ApiProperty({ type: [AttemptResponse] })
  attempts!: AttemptResponse[];
}

export class DeliveryPage {
  @ApiProperty({ type: [DeliveryResponse] })
  data!: DeliveryResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export class RecoverResponse {
  @ApiProperty({
    type: 'integer',
    description: `Deliveries that are pending again, at most ${String(RECOVERED_MAX)}: repeat the request while it is that many`,
  })
  recovered!: number;
}

export function toSpec({ url, events, projects, description, enabled }: CreateWebhookRequest): WebhookSpec {
  return { url, events, projects: projects ?? null, description: description ?? null, enabled: enabled ?? true };
}

export function toPatch({ url, events, projects, description, enabled }: PatchWebhookRequest): WebhookPatch {
  return { url, events, projects, description, enabled };
}

export function toResponse(webhook: Webhook): WebhookResponse {
  const { id, url, events, projects, description, enabled, disabledReason, keyId } = webhook;
  return {
    id,
    url,
    events,
    projects,
    description,
    enabled,
    disabledReason,
    keyId,
    failingSince: webhook.failingSince?.toISOString() ?? null,
    createdAt: webhook.createdAt.toISOString(),
    updatedAt: webhook.updatedAt.toISOString(),
  };
}

export function toCreatedResponse({ webhook, secret }: NewWebhook): CreatedWebhookResponse {
  return Object.assign(toResponse(webhook), secret === null ? {} : { secret });
}

export function toDeliveryResponse(delivery: Delivery): DeliveryResponse {
  const { id, endpointId, callback, messageId, type, projectId, status, attemptCount } = delivery;
  return {
    id,
    webhookId: callback === null ? endpointId : null,
    callbackUrl: callback?.url ?? null,
    messageId,
    type,
    projectId,
    status,
    attemptCount,
    nextAttemptAt: delivery.nextAttemptAt?.toISOString() ?? null,
    createdAt: delivery.createdAt.toISOString(),
    endedAt: delivery.endedAt?.toISOString() ?? null,
  };
}

export function toDeliveryDetail(delivery: Delivery, attempts: readonly Attempt[]): DeliveryDetailResponse {
  const shown = attempts.map(({ at, ...attempt }) => ({ at: at.toISOString(), ...attempt }));
  return Object.assign(toDeliveryResponse(delivery), { attempts: shown });
}
