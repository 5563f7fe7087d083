import {
  ARGUMENT_BYTES_MAX,
  IsEnvironment,
  IsInstant,
  IsLabelFilter,
  IsLabels,
  PageQuery,
  QueryInteger,
} from '@app/http';
import { InvalidInput, type InvalidField } from '@app/kernel';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateIf,
} from 'class-validator';
import type { CommandRequest } from '../../application/commands.service.js';
import { COMMAND_TYPES, PRIORITIES } from '../../domain/command.js';
import { COMMAND_STATUSES } from '../../domain/status.js';
import type { CommandType, Priority, Stdin, Work } from '../../domain/command.js';
import type { CommandStatus } from '../../domain/status.js';

/** A week. */
const SECONDS_MAX = 604_800;
const ARGUMENTS_MAX = 4_096;
/** As large as a body. */
const SCRIPT_CHARS_MAX = 1_048_576;
/** As Kubernetes names containers. @see RFC 1123 */
const CONTAINER_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LOCK = /^[\w./-]{1,128}$/;
const SAFE = Number.MAX_SAFE_INTEGER;

const ARGUMENTS = {
  type: 'array' as const,
  minItems: 1,
  maxItems: ARGUMENTS_MAX,
  items: { type: 'string', maxLength: ARGUMENT_BYTES_MAX },
};

const text = { message: 'must not contain a NUL character' };
const NoNul = (each = false): PropertyDecorator => Matches(/^[^\0]*$/, { ...text, each });

const IsArgument = (): PropertyDecorator =>
  ValidateBy(
    {
      name: 'isArgument',
      validator: {
        validate: (value: unknown) =>
          typeof value === 'string' && !value.includes('\0') && Buffer.byteLength(value) <= ARGUMENT_BYTES_MAX,
        defaultMessage: () => 'must be a string of less than 128 KiB without NUL characters',
      },
    },
    { each: true },
  );

type StdinInput = 'none' | 'open' | { text: string };

function isStdin(value: unknown): value is StdinInput {
  if (value === 'none' || value === 'open') return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.keys(value).join() === 'text' && typeof (value as { text: unknown }).text === 'string';
}

const IsStdin = (): PropertyDecorator =>
  ValidateBy({
    name: 'isStdin',
    validator: {
      validate: isStdin,
      defaultMessage: () => 'must be "none", "open" or {"text": "…"}, where the text must be a string',
    },
  });

export class CreateCommandRequest {
  @ApiProperty({ enum: COMMAND_TYPES })
  @IsString()
  @IsIn(COMMAND_TYPES)
  type!: CommandType;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: SCRIPT_CHARS_MAX,
    example: 'echo hello',
    description:
      'For `shell`: run as a file, by the program of its `#!` line, else by `sh`. A byte order mark is left out, and where all ' +
      'lines end in CRLF they end in LF; in a script with both, line ends stay as they are. No NUL',
  })
  @IsOptional()
  @IsString()
  @NoNul()
  @Length(1, SCRIPT_CHARS_MAX)
  script?: string;

  @ApiPropertyOptional({
    ...ARGUMENTS,
    example: ['make', 'test'],
    description: 'For `exec`: exactly these arguments',
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ARGUMENTS_MAX)
  @IsArgument()
  argv?: string[];

  @ApiPropertyOptional({
    ...ARGUMENTS,
    example: ['status'],
    description: 'For `git`: its arguments, of those that are allowed',
  })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(ARGUMENTS_MAX)
  @IsArgument()
  args?: string[];

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 4096,
    example: '/workspace',
    description: 'Default `/workspace`, or the directory of a local project. For `git` that directory, or one below it',
  })
  @IsOptional()
  @IsString()
  @NoNul()
  @Length(1, 4096)
  cwd?: string;

  @ApiPropertyOptional({
    pattern: CONTAINER_NAME.source,
    example: 'main',
    description:
      "A container of the project's pod: the one that commands run in by default, or one that the pod's annotation " +
      '`rdev.dev/containers` lists. Any other ends the command with `start_failed`. The local runtime has none',
  })
  @IsOptional()
  @IsString()
  @Matches(CONTAINER_NAME, { message: 'must be the name of a container: a DNS-1123 label of at most 63 characters' })
  container?: string;

  @IsEnvironment()
  env?: Record<string, string>;

  @ApiPropertyOptional({
    oneOf: [
      { type: 'string', enum: ['none', 'open'] },
      {
        type: 'object',
        required: ['text'],
        additionalProperties: false,
        properties: { text: { type: 'string', maxLength: SCRIPT_CHARS_MAX } },
      },
    ],
    description: '`none`, `{"text": "…"}`, or `open`: written later by `POST …/stdin`',
    default: 'none',
  })
  @IsOptional()
  @IsStdin()
  stdin?: StdinInput;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: SECONDS_MAX, default: 3600 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  timeoutSeconds?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: SECONDS_MAX, description: 'Ends it after silence' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  noOutputTimeoutSeconds?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: SECONDS_MAX, description: 'Expires it in the queue' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  queueTimeoutSeconds?: number;

  @ApiPropertyOptional({ enum: PRIORITIES, default: 'normal' })
  @IsOptional()
  @IsString()
  @IsIn(PRIORITIES)
  priority?: Priority;

  @ApiPropertyOptional({
    pattern: LOCK.source,
    description: 'Commands of a project with the same lock run one at a time',
  })
  @IsOptional()
  @IsString()
  @Matches(LOCK, { message: 'must have 1 to 128 characters from A-Z a-z 0-9 _ . / -' })
  lock?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: SAFE,
    description: 'Bytes of each stream that are kept; at most RDEV_OUTPUT_LIMIT_MAX_BYTES',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SAFE)
  maxOutputBytes?: number;

  @ApiPropertyOptional({
    default: false,
    description: 'Leave running what the main process leaves behind, until the project stops',
  })
  @IsOptional()
  @IsBoolean()
  keepBackground?: boolean;

  @IsLabels()
  labels?: Record<string, string>;
}

export class ListCommandsQuery extends PageQuery {
  @ApiPropertyOptional({ maxLength: 40 })
  @IsOptional()
  @IsString()
  @MaxLength(40)
  projectId?: string;

  @ApiPropertyOptional({
    enum: COMMAND_STATUSES,
    isArray: true,
    maxItems: COMMAND_STATUSES.length,
    description: 'May be repeated, or separated by commas',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => [value].flat().flatMap((item) => String(item).split(',')))
  @ArrayMaxSize(COMMAND_STATUSES.length)
  @IsIn(COMMAND_STATUSES, { each: true })
  status?: CommandStatus[];

  @ApiPropertyOptional({ enum: COMMAND_TYPES })
  @IsOptional()
  @IsString()
  @IsIn(COMMAND_TYPES)
  type?: CommandType;

  @ApiPropertyOptional({ maxLength: 40 })
  @IsOptional()
  @IsString()
  @MaxLength(40)
  keyId?: string;

  @IsLabelFilter()
  label?: string[];

  @ApiPropertyOptional({ format: 'date-time', description: 'Created at or after' })
  @IsOptional()
  @IsInstant()
  since?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Created before' })
  @IsOptional()
  @IsInstant()
  until?: string;
}

/** A merge patch. */
export class UpdateCommandRequest {
  @ApiPropertyOptional({ enum: PRIORITIES, description: 'Left out, it stays as it is' })
  @ValidateIf((_request, value) => value !== undefined)
  @IsString()
  @IsIn(PRIORITIES)
  priority?: Priority;
}

export class WaitQuery {
  @QueryInteger({ minimum: 0, maximum: 60, default: 30 })
  timeoutSeconds = 30;
}

const WORK_FIELD = { shell: 'script', exec: 'argv', git: 'args' } as const;

/** @throws {@link InvalidInput} if the fields do not go with the type */
export function toRequest(request: CreateCommandRequest, traceparent: string | null): CommandRequest {
  const { stdin, env, labels, priority, lock } = request;
  assertFieldsFit(request);
  const work = toWork(request);
  return {
    spec: {
      work,
      cwd: request.cwd ?? null,
      container: request.container ?? null,
      env: env ?? {},
      stdin: toStdin(stdin),
      timeoutSeconds: request.timeoutSeconds ?? 3600,
      noOutputTimeoutSeconds: request.noOutputTimeoutSeconds ?? null,
      outputBytesMax: request.maxOutputBytes ?? null,
      keepBackground: request.keepBackground ?? false,
    },
    labels: labels ?? {},
    priority: priority ?? 'normal',
    lock: lock ?? null,
    queueTimeoutSeconds: request.queueTimeoutSeconds ?? null,
    traceparent,
  };
}

function assertFieldsFit(request: CreateCommandRequest): void {
  const wrong = Object.entries(WORK_FIELD).flatMap(([type, field]): InvalidField[] => {
    const isGiven = (request[field] ?? null) !== null;
    if (type === request.type && !isGiven) {
      return [{ pointer: `#/${field}`, detail: `is required for the type "${type}"` }];
    }
    if (type !== request.type && isGiven) {
      return [{ pointer: `#/${field}`, detail: `is allowed only for the type "${type}"` }];
    }
    return [];
  });
  if (request.argv?.[0] === '') wrong.push({ pointer: '#/argv/0', detail: 'must name a program' });
  if (wrong.length > 0) throw new InvalidInput(wrong);
}

function toWork({ type, script, argv, args }: CreateCommandRequest): Work {
  switch (type) {
    case 'shell':
      return { type, script: script ?? '' };
    case 'exec':
      return { type, argv: argv ?? [] };
    case 'git':
      return { type, args: args ?? [] };
  }
}

function toStdin(stdin: StdinInput | null | undefined): Stdin {
  if (typeof stdin === 'object' && stdin !== null) return { kind: 'text', text: stdin.text };
  return { kind: stdin ?? 'none' };
}
