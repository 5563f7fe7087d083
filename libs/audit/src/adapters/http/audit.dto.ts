import { IsInstant, PageQuery, QueryInteger } from '@app/http';
import { canonicalAddress } from '@app/kernel';
import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { applyDecorators } from '@nestjs/common';
import { IsIn, IsOptional, IsString, Matches, MaxLength, ValidateBy } from 'class-validator';
import type { AuditQuery } from '../../application/audit.service.js';
import { type AuditRecord, OUTCOMES } from '../../domain/audit-record.js';

const TYPE = /^[a-z0-9_.*-]{1,100}$/;
const TRACE_ID = /^[0-9a-f]{32}$/;
/** What a header, or a path, may contain at most. */
const TEXT_MAX = 2_048;

const IsText = (maxLength: number, description?: string): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: String, maxLength, ...(description !== undefined && { description }) }),
    IsOptional(),
    IsString(),
    Matches(/^[^\0]*$/, { message: 'must not contain a NUL character' }),
    MaxLength(maxLength),
  );

const IsAddress = (): PropertyDecorator =>
  ValidateBy({
    name: 'isAddress',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' && value.length <= 100 && canonicalAddress(value) !== null,
      defaultMessage: () => 'must be an IPv4 or IPv6 address',
    },
  });

/** What a record must match. */
class FilterQuery {
  @IsText(40, 'The key that acted')
  keyId?: string;

  @ApiPropertyOptional({
    pattern: TYPE.source,
    example: 'command.*',
    description: 'A type of events, with * as a wildcard',
  })
  @IsOptional()
  @IsString()
  @Matches(TYPE, { message: 'must be a type of events such as command.created, with * as a wildcard' })
  type?: string;

  @IsText(40)
  projectId?: string;

  @IsText(TEXT_MAX, 'The id of the affected object')
  target?: string;

  @ApiPropertyOptional({ enum: OUTCOMES })
  @IsOptional()
  @IsString()
  @IsIn(OUTCOMES)
  outcome?: AuditRecord['outcome'];

  @ApiPropertyOptional({
    type: String,
    maxLength: 100,
    example: '203.0.113.7',
    description: 'The address of the client',
  })
  @IsOptional()
  @IsAddress()
  ip?: string;

  @IsText(128, '`X-Request-Id` of the request')
  requestId?: string;

  @ApiPropertyOptional({ pattern: TRACE_ID.source, description: 'The trace of the request, of its `traceparent`' })
  @IsOptional()
  @IsString()
  @Matches(TRACE_ID, { message: 'must be 32 lower-case hexadecimal digits' })
  traceId?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Recorded at or after' })
  @IsOptional()
  @IsInstant()
  since?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Recorded before' })
  @IsOptional()
  @IsInstant()
  until?: string;
}

export class SearchAuditQuery extends IntersectionType(PageQuery, FilterQuery) {}

export const FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof FORMATS)[number];

export class ExportAuditQuery extends FilterQuery {
  @ApiPropertyOptional({ enum: FORMATS, default: 'ndjson' })
  @IsOptional()
  @IsString()
  @IsIn(FORMATS)
  format: ExportFormat = 'ndjson';

  @QueryInteger({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 0,
    description: '`seq` of the last record that the client has',
  })
  after = 0;
}

class ActorResponse {
  @ApiProperty({ type: String, nullable: true })
  keyId!: string | null;

  @ApiProperty({ type: String, nullable: true })
  ip!: string | null;

  @ApiProperty({ type: String, nullable: true })
  userAgent!: string | null;

  @ApiProperty({ type: String, nullable: true })
  requestId!: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'Absent in records of former releases' })
  traceId?: string | null;

  @ApiPropertyOptional({ description: 'Of the trace context of the request; absent without one' })
  spanId?: string;

  @ApiPropertyOptional({ description: 'Of the trace context of the request; absent without one' })
  traceFlags?: string;
}

export class AuditRecordResponse {
  @ApiProperty({ type: 'integer', description: 'Position in the log, without gaps' })
  seq!: number;

  @ApiProperty({ example: 'evt_01jd4xk3v5q0n8m2f6h7w9y1zc' })
  id!: string;

  @ApiProperty({ example: 'command.created' })
  type!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ type: String, nullable: true })
  projectId!: string | null;

  @ApiProperty({ description: 'The id of the affected object' })
  target!: string;

  @ApiProperty({ enum: OUTCOMES })
  outcome!: AuditRecord['outcome'];

  @ApiProperty({ description: 'Who did it; all null: rdev itself' })
  actor!: ActorResponse;

  @ApiProperty({ type: 'object', additionalProperties: true })
  data!: Record<string, unknown>;

  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true, description: 'Without secrets' })
  details!: Record<string, unknown> | null;

  @ApiProperty({ type: String, nullable: true, description: 'Seal of the record before it; null: not sealed yet' })
  previousHash!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'SHA-256 of this record and the seal before it' })
  hash!: string | null;
}

export class AuditPage {
  @ApiProperty({ type: [AuditRecordResponse] })
  data!: AuditRecordResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export function toQuery(query: FilterQuery): AuditQuery {
  const { keyId, type, projectId, target, outcome, ip, requestId, traceId, since, until } = query;
  const period = { since: toDate(since), until: toDate(until) };
  return { keyId, type, projectId, target, outcome, ip, requestId, traceId, ...period };
}

const toDate = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

export function toResponse(record: AuditRecord): AuditRecordResponse {
  return { ...record, at: record.at.toISOString() };
}
