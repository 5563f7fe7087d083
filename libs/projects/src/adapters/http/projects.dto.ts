import { IsEnvironment, IsLabelFilter, IsLabels, PageQuery } from '@app/http';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { PROJECT_STATUSES, type Project, type ProjectSpec, type ProjectStatus } from '../../domain/project.js';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;
const GIT_REF = /^(?!-)[^\s\0~^:?*[\\]{1,255}$/;
const GIT_URL = /^(https?|ssh|git|file):\/\/[^\s\0]+$|^[\w.-]+@[\w.-]+:[^\s\0]+$|^\/[^\0]+$/;

export class CreateProjectRequest {
  @ApiProperty({ example: 'web', pattern: DNS_LABEL.source })
  @IsString()
  @Matches(DNS_LABEL, { message: 'must be a DNS-1123 label of at most 40 characters' })
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
    description: 'Cloned into the project',
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
}

export class ListProjectsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: PROJECT_STATUSES })
  @IsOptional()
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

  @ApiProperty({ type: String, nullable: true, description: 'Why, in words' })
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

  @ApiProperty({ description: 'Made through the API' })
  managed!: boolean;

  @ApiProperty({ description: 'The runtime does not answer; this is what was seen last' })
  stale!: boolean;
}

export class ProjectPage {
  @ApiProperty({ type: [ProjectResponse] })
  data!: ProjectResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export function toSpec({ id, name, gitUrl, gitRef, env, labels }: CreateProjectRequest): ProjectSpec {
  return { id, name: name ?? id, gitUrl: gitUrl ?? null, gitRef: gitRef ?? null, env: env ?? {}, labels: labels ?? {} };
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
