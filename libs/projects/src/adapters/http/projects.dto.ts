import { IsEnvironment, IsLabelFilter, IsLabels, PageQuery } from '@app/http';
import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import {
  PROJECT_STATUSES,
  type Project,
  type ProjectChange,
  type ProjectSpec,
  type ProjectStatus,
  PROJECT_ID,
} from '../../domain/project.js';
import { IsEgress, IsQuantities, IsQuantity } from './cluster-validators.js';

const GIT_REF = /^(?!-)[^\s\0~^:?*[\\]{1,255}$/;
const GIT_URL = /^(https?|ssh|git|file):\/\/[^\s\0]+$|^[\w.-]+@[\w.-]+:[^\s\0]+$|^\/[^\0]+$/;

/** Names of Secrets and storage classes. @see Kubernetes, "DNS Subdomain Names" */
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const SECONDS_MAX = 366 * 86_400;
const IMAGE = /^[\w][\w.\-/:@]{0,511}$/;
const SOURCES_MAX = 20;
const EGRESS_MAX = 100;
const SECONDS = { type: 'integer', minimum: 1, maximum: SECONDS_MAX } as const;
const OBJECT = { pattern: OBJECT_NAME.source, maxLength: 253 };

const IsObjectName = (): PropertyDecorator =>
  Matches(OBJECT_NAME, { message: 'must be a name in Kubernetes: lower-case letters, digits, "-" and "."' });

export class EnvironmentSource {
  @ApiProperty({ ...OBJECT, example: 'api-tokens' })
  @IsString()
  @IsObjectName()
  secretName!: string;
}

export class ResourcesRequest {
  @ApiPropertyOptional({ example: { cpu: '500m', memory: '1Gi' }, description: 'Requested (guaranteed) resources' })
  @IsOptional()
  @IsQuantities()
  requests?: Record<string, string>;

  @ApiPropertyOptional({ example: { cpu: '2', memory: '4Gi' }, description: 'Resource limits' })
  @IsOptional()
  @IsQuantities()
  limits?: Record<string, string>;
}

export class StorageRequest {
  @ApiPropertyOptional({ example: '20Gi', maxLength: 32 })
  @IsOptional()
  @IsString()
  @IsQuantity()
  size?: string;

  @ApiPropertyOptional({ ...OBJECT, example: 'fast' })
  @IsOptional()
  @IsString()
  @IsObjectName()
  className?: string;
}

export class CreateProjectRequest {
  @ApiProperty({ example: 'web', pattern: PROJECT_ID.source })
  @IsString()
  @Matches(PROJECT_ID, { message: 'must be a DNS-1123 label of at most 40 characters' })
  id!: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  @IsOptional()
  @IsString()
  @Matches(/^[^\0]*$/, { message: 'must not contain a NUL character' })
  @Length(1, 100)
  name?: string;

  @ApiPropertyOptional({
    maxLength: 2048,
    pattern: GIT_URL.source,
    example: 'https://example.com/web.git',
    description: 'Repository to clone into the project',
  })
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  @Matches(GIT_URL, {
    message: 'must be an http, https, ssh, git or file URL, an scp-like address or an absolute path',
  })
  gitUrl?: string;

  @ApiPropertyOptional({ pattern: GIT_REF.source, example: 'main', description: 'Branch, tag or commit' })
  @IsOptional()
  @IsString()
  @Matches(GIT_REF, { message: 'must be a branch, tag or commit' })
  gitRef?: string;

  @IsEnvironment('For every command; names must not begin with RDEV_')
  env?: Record<string, string>;

  @IsLabels()
  labels?: Record<string, string>;

  @ApiPropertyOptional({
    pattern: IMAGE.source,
    maxLength: 512,
    example: 'node:24',
    description: 'Kubernetes only, like all fields below',
  })
  @IsOptional()
  @IsString()
  @Matches(IMAGE, { message: 'must be an image name' })
  image?: string;

  @ApiPropertyOptional({ ...OBJECT, description: 'Secret with the credentials of the image registry' })
  @IsOptional()
  @IsString()
  @IsObjectName()
  pullSecretName?: string;

  @ApiPropertyOptional({
    ...OBJECT,
    description:
      'A Secret with `ssh-privatekey` and `known_hosts`, or `token` or `password`, and `username`, for gitUrl; and `ca.crt`',
  })
  @IsOptional()
  @IsString()
  @IsObjectName()
  gitSecretName?: string;

  @ApiPropertyOptional({
    type: [EnvironmentSource],
    maxItems: SOURCES_MAX,
    description: 'Secrets whose entries become environment variables',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(SOURCES_MAX)
  @ValidateNested({ each: true })
  @Type(() => EnvironmentSource)
  envFrom?: EnvironmentSource[];

  @ApiPropertyOptional({ type: ResourcesRequest })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => ResourcesRequest)
  resources?: ResourcesRequest;

  @ApiPropertyOptional({ type: StorageRequest })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => StorageRequest)
  storage?: StorageRequest;

  @ApiPropertyOptional({ ...SECONDS, description: 'Seconds after its creation until it is deleted with its files' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  ttlSeconds?: number;

  @ApiPropertyOptional({ ...SECONDS, description: 'Seconds without a running command until it is stopped' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  idleStopSeconds?: number;

  @ApiPropertyOptional({
    type: Boolean,
    default: true,
    description: 'Whether a command starts the project if it is stopped',
  })
  @IsOptional()
  @IsBoolean()
  wakeOnCommand?: boolean;

  @ApiPropertyOptional({
    type: 'array',
    maxItems: EGRESS_MAX,
    items: { type: 'string', maxLength: 64 },
    example: ['public:443', '10.1.0.0/16:5432'],
    description:
      'Allowed destinations: address blocks, or `public` for all addresses that are not private; the port is optional',
  })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(EGRESS_MAX)
  @IsEgress()
  egress?: string[];
}

/** A JSON merge patch: null restores the default. Repository and storage cannot be changed. */
export class UpdateProjectRequest extends OmitType(CreateProjectRequest, [
  'id',
  'gitUrl',
  'gitRef',
  'gitSecretName',
  'storage',
] as const) {}

export class DeleteProjectQuery {
  @ApiPropertyOptional({
    type: Boolean,
    default: false,
    description: 'A project that is created with this id later finds the files',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  keepStorage = false;
}

export class ListProjectsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: PROJECT_STATUSES })
  @IsOptional()
  @IsString()
  @IsIn(PROJECT_STATUSES)
  status?: ProjectStatus;

  @IsLabelFilter()
  label?: string[];
}

export class ProjectResponse {
  @ApiProperty({ example: 'web' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ enum: PROJECT_STATUSES })
  status!: ProjectStatus;

  @ApiProperty({ type: String, nullable: true, description: 'Explanation of the status' })
  reason!: string | null;

  @ApiProperty({ enum: ['local', 'kubernetes'] })
  runtime!: string;

  @ApiProperty({ type: String, nullable: true })
  image!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  labels!: Readonly<Record<string, string>>;

  @ApiProperty({ type: String, nullable: true })
  pod!: string | null;

  @ApiProperty({ type: String, nullable: true })
  node!: string | null;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  lastCommandAt!: string | null;

  @ApiProperty({ description: 'Created through the API' })
  managed!: boolean;

  @ApiProperty({ description: 'The runtime is unavailable; this is its last known state' })
  stale!: boolean;
}

export class ProjectPage {
  @ApiProperty({ type: [ProjectResponse] })
  data!: ProjectResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export function toSpec(request: CreateProjectRequest): ProjectSpec {
  const { id, gitUrl, gitRef, gitSecretName, storage, ...rest } = request;
  return {
    id,
    gitUrl: gitUrl ?? null,
    gitRef: gitRef ?? null,
    gitSecretName: gitSecretName ?? null,
    storage: storage ? { size: storage.size ?? null, className: storage.className ?? null } : null,
    ...defaults(id),
    ...toChange(rest, id),
  };
}

/** Only the fields that are present; null means the default. */
export function toChange(request: UpdateProjectRequest, id: string): Partial<Defaults> {
  const { resources, ...rest } = request;
  const asked = resources ? { requests: resources.requests ?? {}, limits: resources.limits ?? {} } : resources;
  const given = Object.entries({ ...rest, resources: asked }).filter(([, value]) => value !== undefined);
  const byDefault: Record<string, unknown> = { ...defaults(id) };
  return Object.fromEntries(given.map(([name, value]) => [name, value ?? byDefault[name]]));
}

type Defaults = Required<
  Omit<ProjectChange, 'status' | 'reason' | 'desired' | 'restarts' | 'keepStorage' | 'volumeLost'>
>;

function defaults(id: string): Defaults {
  return {
    ...{ name: id, env: {}, labels: {}, image: null, pullSecretName: null, envFrom: [], resources: null, egress: null },
    ...{ ttlSeconds: null, idleStopSeconds: null, wakeOnCommand: true },
  };
}

export function toLabels(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

export function toResponse(project: Project): ProjectResponse {
  const { id, name, status, reason, runtime, image, labels, pod, node, createdAt, lastCommandAt, managed, stale } =
    project;
  return {
    id,
    name,
    status,
    reason,
    runtime,
    image,
    labels,
    pod,
    node,
    createdAt: createdAt.toISOString(),
    lastCommandAt: lastCommandAt?.toISOString() ?? null,
    managed,
    stale,
  };
}
