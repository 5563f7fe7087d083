import {
  ARGUMENT_BYTES_MAX,
  IsEnvironment,
  IsInstant,
  IsLabelFilter,
  IsLabels,
  PageQuery,
  QueryInteger,
} from '@app/http';
import { InvalidInput, type InvalidField, currentRequest } from '@app/kernel';
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
import { PRIORITIES, type Priority, type Stdin } from '../../domain/command.js';
import { COMMAND_STATUSES, type CommandStatus } from '../../domain/status.js';
import {
  COMMAND_TYPES,
  type CommandType,
  faultsOf,
  type Work,
  type WorkField,
  WORK_TYPES,
} from '../../domain/work/index.js';

/** One week. */
const SECONDS_MAX = 604_800;
const ARGUMENTS_MAX = 4_096;
/** The size limit of a request body. */
const SCRIPT_CHARS_MAX = 1_048_576;
/** A Kubernetes container name. @see RFC 1123 */
const CONTAINER_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LOCK = /^[\w./-]{1,128}$/;
const SAFE = Number.MAX_SAFE_INTEGER;

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

/** Validation of the fields that only one type has. */
const RULES: Readonly<Record<WorkField['kind'], (field: WorkField) => readonly PropertyDecorator[]>> = {
  text: ({ description, example }) => [
    ApiPropertyOptional({ type: 'string', minLength: 1, maxLength: SCRIPT_CHARS_MAX, example, description }),
    IsOptional(),
    IsString(),
    NoNul(),
    Length(1, SCRIPT_CHARS_MAX),
  ],
  arguments: ({ description, example }) => [
    ApiPropertyOptional({
      type: 'array',
      minItems: 1,
      maxItems: ARGUMENTS_MAX,
      items: { type: 'string', maxLength: ARGUMENT_BYTES_MAX },
      example,
      description,
    }),
    IsOptional(),
    IsArray(),
    ArrayMinSize(1),
    ArrayMaxSize(ARGUMENTS_MAX),
    IsArgument(),
  ],
};

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

/** The type, and the fields of all types: {@link toRequest} checks which belong together. */
class WorkRequest {
  @ApiProperty({ enum: COMMAND_TYPES })
  @IsString()
  @IsIn(COMMAND_TYPES)
  type!: CommandType;
}

for (const { fields } of Object.values(WORK_TYPES)) {
  for (const [name, field] of Object.entries(fields)) {
    for (const decorate of RULES[field.kind](field)) decorate(WorkRequest.prototype, name);
  }
}

export class CreateCommandRequest extends WorkRequest {
  @ApiPropertyOptional({
    minLength: 1,
    maxLength: 4096,
    example: '/workspace',
    description:
      'Default `/workspace`, or the directory of a local project. For `git` it must be that directory or one below it',
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

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: SECONDS_MAX,
    description: 'Seconds without output after which the command is ended',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SECONDS_MAX)
  noOutputTimeoutSeconds?: number;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: SECONDS_MAX,
    description: 'Seconds in the queue after which the command expires',
  })
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
    description: 'Bytes of each stream to keep; at most RDEV_OUTPUT_LIMIT_MAX_BYTES',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(SAFE)
  maxOutputBytes?: number;

  @ApiPropertyOptional({
    default: false,
    description: 'Keep background processes running after the main process has ended, until the project stops',
  })
  @IsOptional()
  @IsBoolean()
  keepBackground?: boolean;

  @IsLabels()
  labels?: Record<string, string>;

  @ApiPropertyOptional({
    type: String,
    format: 'uri',
    maxLength: 2_048,
    nullable: true,
    example: 'https://example.com/hooks/ended',
    description:
      'Gets one message when the command has ended: that of a webhook, signed with the `callbackSecret` of ' +
      '`GET /v1/keys/self`. The key needs `commands:read`',
  })
  @IsOptional()
  @IsString()
  @NoNul()
  @MaxLength(2_048)
  callbackUrl?: string | null;
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
    description: 'Repeat the parameter, or separate values with commas',
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
  @ApiPropertyOptional({ enum: PRIORITIES, description: 'Unchanged if absent' })
  @ValidateIf((_request, value) => value !== undefined)
  @IsString()
  @IsIn(PRIORITIES)
  priority?: Priority;
}

export class WaitQuery {
  @QueryInteger({ minimum: 0, maximum: 60, default: 30 })
  timeoutSeconds = 30;
}

/** @throws {@link InvalidInput} if the fields do not match the type */
export function toRequest(request: CreateCommandRequest): CommandRequest {
  const { stdin, env, labels, priority, lock } = request;
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
    traceparent: currentRequest()?.traceparent ?? null,
    callbackUrl: request.callbackUrl ?? null,
  };
}

/** @throws {@link InvalidInput} if a field of the type is missing, or a field of another type is given */
function toWork(request: CreateCommandRequest): Work {
  const fields = new Map<string, unknown>(Object.entries(request));
  const wrong = Object.entries(WORK_TYPES).flatMap(([type, known]) =>
    Object.keys(known.fields).flatMap((field): InvalidField[] => {
      const isGiven = (fields.get(field) ?? null) !== null;
      if (isGiven === (type === request.type)) return [];
      const detail = isGiven ? `is allowed only for the type "${type}"` : `is required for the type "${type}"`;
      return [{ pointer: `#/${field}`, detail }];
    }),
  );
  if (wrong.length > 0) throw new InvalidInput(wrong);
  const own = Object.keys(WORK_TYPES[request.type].fields).map((field) => [field, fields.get(field)]);
  const work = { type: request.type, ...Object.fromEntries(own) } as Work;
  const faults = faultsOf(work);
  if (faults.length > 0) throw new InvalidInput(faults);
  return work;
}

function toStdin(stdin: StdinInput | null | undefined): Stdin {
  if (typeof stdin === 'object' && stdin !== null) return { kind: 'text', text: stdin.text };
  return { kind: stdin ?? 'none' };
}
