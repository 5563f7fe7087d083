import { isCidrOrAddress } from '@app/config';
import { IsInstant } from '@app/http';
import { SCOPES, type Scope } from '@app/kernel';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
} from 'class-validator';
import type { NewKey } from '../../application/api-keys.service.js';
import type { ApiKey, Grant, GrantPatch } from '../../domain/api-key.js';

const NO_NUL = /^[^\0]*$/;
const PROJECT_GLOB = /^[a-z0-9*-]{1,40}$/;

const IsNetwork = (): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isNetwork',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isCidrOrAddress(value) && !value.includes('%'),
        defaultMessage: () => 'must be an IPv4 or IPv6 address or CIDR',
      },
    },
    { each: true },
  );

const RPS_MAX = 10_000;
const CONCURRENT_MAX = 10_000;
const DAY_SECONDS = 86_400;

/** All fields are optional; null removes a limit. */
class Limits {
  @ApiPropertyOptional({
    type: 'array',
    maxItems: 100,
    items: { type: 'string', pattern: PROJECT_GLOB.source },
    nullable: true,
    example: ['team-a-*'],
    description: 'Globs of project ids; null: all',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(PROJECT_GLOB, {
    each: true,
    message: 'must be a project id, with * as a wildcard',
  })
  projects?: string[] | null;

  @ApiPropertyOptional({
    type: 'array',
    maxItems: 100,
    items: { type: 'string', maxLength: 50 },
    nullable: true,
    example: ['10.0.0.0/8'],
    description: 'Addresses and CIDRs; null: all',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsNetwork()
  allowedIps?: string[] | null;

  @ApiPropertyOptional({ type: String, format: 'date-time', nullable: true, description: 'Null: never' })
  @IsOptional()
  @IsInstant()
  expiresAt?: string | null;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    minimum: 0,
    maximum: RPS_MAX,
    description: '`null`: use the server default. `0`: unlimited',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(RPS_MAX)
  rateLimitRps?: number | null;

  @ApiPropertyOptional({
    type: 'integer',
    nullable: true,
    minimum: 1,
    maximum: CONCURRENT_MAX,
    description: '`null`: unlimited',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(CONCURRENT_MAX)
  maxConcurrentCommands?: number | null;
}

export class CreateKeyRequest extends Limits {
  @ApiProperty({ example: 'ci', minLength: 1, maxLength: 100 })
  @IsString()
  @Matches(NO_NUL, { message: 'must not contain a NUL character' })
  @Length(1, 100)
  name!: string;

  @ApiProperty({
    enum: SCOPES,
    isArray: true,
    maxItems: SCOPES.length,
    uniqueItems: true,
    description:
      'No scope means no access. A key that runs commands (`commands:execute`) needs `commands:read` to see their output',
  })
  @IsArray()
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique({ message: 'must not contain a scope twice' })
  @IsIn(SCOPES, { each: true })
  scopes!: Scope[];
}

const isGiven = (_request: unknown, value: unknown): boolean => value !== undefined;

/** Absent fields stay unchanged. */
export class PatchKeyRequest extends Limits {
  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  @ValidateIf(isGiven)
  @IsString()
  @Matches(NO_NUL, { message: 'must not contain a NUL character' })
  @Length(1, 100)
  name?: string;

  @ApiPropertyOptional({ enum: SCOPES, isArray: true, maxItems: SCOPES.length, uniqueItems: true })
  @ValidateIf(isGiven)
  @IsArray()
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique({ message: 'must not contain a scope twice' })
  @IsIn(SCOPES, { each: true })
  scopes?: Scope[];
}

export class RotateKeyRequest {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 30 * DAY_SECONDS,
    default: DAY_SECONDS,
    description: 'Seconds for which the old key keeps working; 0: it expires immediately',
  })
  @ValidateIf(isGiven)
  @IsInt()
  @Min(0)
  @Max(30 * DAY_SECONDS)
  overlapSeconds: number = DAY_SECONDS;
}

export class KeyResponse {
  @ApiProperty({ example: 'key_01jd4x…' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'The public part of the key' })
  prefix!: string;

  @ApiProperty({ enum: SCOPES, isArray: true })
  scopes!: readonly Scope[];

  @ApiProperty({ type: [String], nullable: true })
  projects!: readonly string[] | null;

  @ApiProperty({ type: [String], nullable: true })
  allowedIps!: readonly string[] | null;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Requests per second. `null`: use the server default. `0`: unlimited',
  })
  rateLimitRps!: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Concurrent commands. `null`: unlimited' })
  maxConcurrentCommands!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'The key that created it' })
  createdBy!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The key that it replaces' })
  rotatedFrom!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expiresAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  revokedAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastUsedAt!: string | null;
}

export class OwnKeyResponse extends KeyResponse {
  @ApiProperty({
    example: 'whsec_…',
    description: 'Verifies what the `callbackUrl` of a command is told. A rotated key has a new one',
  })
  callbackSecret!: string;
}

export class CreatedKeyResponse extends KeyResponse {
  @ApiPropertyOptional({ description: 'The key itself. Shown only here, and not in a replay' })
  secret?: string;
}

export class KeyPage {
  @ApiProperty({ type: [KeyResponse] })
  data!: KeyResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export function toGrant(request: CreateKeyRequest): Grant {
  const { name, scopes, projects, allowedIps, expiresAt, rateLimitRps, maxConcurrentCommands } = request;
  return {
    name,
    scopes,
    projects: projects ?? null,
    allowedIps: allowedIps ?? null,
    // Null means absent, and not the year 1970.
    expiresAt: expiresAt ? new Date(expiresAt) : null,
    rateLimitRps: rateLimitRps ?? null,
    maxConcurrentCommands: maxConcurrentCommands ?? null,
  };
}

export function toPatch({ expiresAt, ...patch }: PatchKeyRequest): GrantPatch {
  return { ...patch, ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : new Date(expiresAt) }) };
}

export function toCreatedResponse({ key, secret }: NewKey): CreatedKeyResponse {
  return Object.assign(toResponse(key), secret === null ? {} : { secret });
}

export function toResponse(key: ApiKey): KeyResponse {
  const { id, name, prefix, scopes, projects, allowedIps, rateLimitRps, maxConcurrentCommands, createdBy } = key;
  return {
    id,
    name,
    prefix,
    scopes,
    projects,
    allowedIps,
    rateLimitRps,
    maxConcurrentCommands,
    createdBy,
    rotatedFrom: key.rotatedFrom,
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  };
}
