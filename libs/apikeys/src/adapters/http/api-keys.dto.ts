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
} from 'class-validator';
import type { ApiKey, Grant } from '../../domain/api-key.js';

const PROJECT_GLOB = /^[a-z0-9*-]{1,40}$/;

const IsNetwork = (): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isNetwork',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isCidrOrAddress(value),
        defaultMessage: () => 'each value must be an IPv4 or IPv6 address or CIDR',
      },
    },
    { each: true },
  );

export class CreateKeyRequest {
  @ApiProperty({ example: 'ci', minLength: 1, maxLength: 100 })
  @IsString()
  @Matches(/^[^\0]*$/, { message: 'must not contain a NUL character' })
  @Length(1, 100)
  name!: string;

  @ApiProperty({
    enum: SCOPES,
    isArray: true,
    maxItems: SCOPES.length,
    uniqueItems: true,
    description: 'No scope means no access',
  })
  @IsArray()
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique()
  @IsIn(SCOPES, { each: true })
  scopes!: Scope[];

  @ApiPropertyOptional({
    type: 'array',
    maxItems: 100,
    items: { type: 'string', pattern: PROJECT_GLOB.source },
    example: ['team-a-*'],
    description: 'Globs of project ids; absent: all',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(PROJECT_GLOB, {
    each: true,
    message: 'each value must be a project id in which * stands for anything',
  })
  projects?: string[];

  @ApiPropertyOptional({
    type: 'array',
    maxItems: 100,
    items: { type: 'string', maxLength: 50 },
    example: ['10.0.0.0/8'],
    description: 'Addresses and CIDRs; absent: all',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsNetwork()
  allowedIps?: string[];

  @ApiPropertyOptional({ format: 'date-time' })
  @IsOptional()
  @IsInstant()
  expiresAt?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 0,
    maximum: 10_000,
    description: "0: no limit; absent: the server's",
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(10_000)
  rateLimitRps?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 10_000, description: 'Absent: no limit of its own' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxConcurrentCommands?: number;
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

  @ApiProperty({ type: 'integer', nullable: true, description: "Requests per second; 0: no limit; null: the server's" })
  rateLimitRps!: number | null;

  @ApiProperty({ type: 'integer', nullable: true, description: 'Commands at a time; null: no limit of its own' })
  maxConcurrentCommands!: number | null;

  @ApiProperty({ type: String, nullable: true, description: 'The key that made it' })
  createdBy!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expiresAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  revokedAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastUsedAt!: string | null;
}

export class CreatedKeyResponse extends KeyResponse {
  @ApiPropertyOptional({ description: 'The key itself. It is shown only here, and not in a replay' })
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
    // A null means the same as nothing, and not the year 1970.
    expiresAt: expiresAt ? new Date(expiresAt) : null,
    rateLimitRps: rateLimitRps ?? null,
    maxConcurrentCommands: maxConcurrentCommands ?? null,
  };
}

export function toCreatedResponse(key: ApiKey, secret: string | null): CreatedKeyResponse {
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
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
  };
}
