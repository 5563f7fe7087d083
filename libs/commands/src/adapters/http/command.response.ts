import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { QueuePlace } from '../../application/queue-places.js';
import { type Command, type CommandSummary, PREVIEW_CHARS_MAX, PRIORITIES } from '../../domain/command.js';
import { COMMAND_STATUSES } from '../../domain/status.js';
import { type CommandResult, REASONS } from '../../domain/result.js';
import { COMMAND_TYPES, WORK_TYPES } from '../../domain/work/index.js';

export class ResultResponse implements CommandResult {
  @ApiProperty({ type: 'integer', nullable: true, description: 'Null unless the main process exited by itself' })
  exitCode!: number | null;

  @ApiProperty({ type: String, nullable: true, example: 'SIGKILL' })
  signal!: string | null;

  @ApiProperty({ enum: REASONS })
  reason!: CommandResult['reason'];

  @ApiPropertyOptional({
    description: 'What was observed. Also says if processes could not be marked, so that a kill may have missed some',
  })
  detail?: string;

  @ApiProperty({ type: 'integer', nullable: true })
  durationMs!: number | null;

  @ApiProperty({ type: 'integer', nullable: true })
  queueMs!: number | null;

  @ApiProperty({ type: 'integer', description: 'Bytes written, including those not kept' })
  stdoutBytes!: number;

  @ApiProperty({ type: 'integer' })
  stderrBytes!: number;

  @ApiProperty({ description: 'The output limit was exceeded' })
  truncated!: boolean;

  @ApiPropertyOptional({ description: 'No process of the tree was left after a kill' })
  killVerified?: boolean;

  @ApiPropertyOptional({ type: 'integer', description: 'Processes that survived a kill' })
  survivors?: number;

  @ApiPropertyOptional({
    type: 'integer',
    description: 'Background processes that were killed when the main process ended',
  })
  leftKilled?: number;

  @ApiPropertyOptional({ type: 'integer' })
  cpuMs?: number;
}

export class QueuePlaceResponse implements QueuePlace {
  @ApiProperty({ type: 'integer', minimum: 1, description: 'Position in the queue of the project; 1 is next' })
  position!: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  ahead!: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Estimated from recent run times of the project; null if they do not allow an estimate',
  })
  estimatedWaitSeconds!: number | null;
}

/** A command as shown in lists. */
export class CommandItem {
  @ApiProperty({ example: 'cmd_01jd4x…' })
  id!: string;

  @ApiProperty()
  projectId!: string;

  @ApiProperty({ type: String, nullable: true })
  keyId!: string | null;

  @ApiProperty({ enum: COMMAND_TYPES })
  type!: string;

  @ApiProperty({ enum: COMMAND_STATUSES })
  status!: string;

  @ApiProperty({
    maxLength: PREVIEW_CHARS_MAX,
    description: 'The beginning of the script, or of the arguments separated by spaces',
  })
  preview!: string;

  @ApiProperty({ type: String, nullable: true })
  cwd!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The container the command runs in, or will run in; null: the default, or none on the local runtime',
  })
  container!: string | null;

  @ApiProperty({ type: 'integer' })
  timeoutSeconds!: number;

  @ApiProperty({ type: 'integer', nullable: true })
  noOutputTimeoutSeconds!: number | null;

  @ApiProperty({ type: 'integer' })
  maxOutputBytes!: number;

  @ApiProperty()
  keepBackground!: boolean;

  @ApiProperty({ enum: PRIORITIES })
  priority!: string;

  @ApiProperty({ type: String, nullable: true })
  lock!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  labels!: Readonly<Record<string, string>>;

  @ApiProperty({ type: String, format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  startedAt!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  endedAt!: string | null;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'When the node stopped responding',
  })
  unreachableSince!: string | null;

  @ApiProperty({ type: 'integer', description: 'Bytes of stdout so far' })
  stdoutBytes!: number;

  @ApiProperty({ type: 'integer', description: 'Bytes of stderr so far' })
  stderrBytes!: number;

  @ApiProperty({
    type: QueuePlaceResponse,
    nullable: true,
    description: 'Only while the command is queued, and not in lists',
  })
  queue!: QueuePlaceResponse | null;

  @ApiProperty({ type: ResultResponse, nullable: true, description: 'Only after the command has ended' })
  result!: ResultResponse | null;
}

export class CommandResponse extends CommandItem {
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, description: 'Values are redacted' })
  env!: Readonly<Record<string, string>>;

  @ApiProperty({ enum: ['none', 'text', 'open'] })
  stdin!: string;
}

// Followed by the fields of its type.
for (const { fields } of Object.values(WORK_TYPES)) {
  for (const [name, { kind }] of Object.entries(fields)) {
    ApiPropertyOptional({ type: kind === 'text' ? String : [String] })(CommandResponse.prototype, name);
  }
}

export class CommandPage {
  @ApiProperty({
    type: [CommandItem],
    description:
      'At most 1 MiB of JSON. Scripts, arguments and input are included only when a single command is requested',
  })
  data!: CommandItem[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export function toResponse(command: Command, queue: QueuePlace | null = null): CommandResponse {
  const { work, env, stdin } = command.spec;
  return Object.assign(toItem(command), {
    ...work,
    env: Object.fromEntries(Object.keys(env).map((name) => [name, '[redacted]'])),
    stdin: stdin.kind,
    queue,
  });
}

export function toItem(command: CommandSummary): CommandItem {
  const { id, projectId, keyId, type, outline, status, priority, lock, labels, position, result } = command;
  return {
    id,
    projectId,
    keyId,
    type,
    status,
    preview: outline.preview,
    cwd: outline.cwd,
    container: command.instance?.container ?? outline.container,
    timeoutSeconds: outline.timeoutSeconds,
    noOutputTimeoutSeconds: outline.noOutputTimeoutSeconds,
    maxOutputBytes: outline.outputBytesMax,
    keepBackground: outline.keepBackground,
    priority,
    lock,
    labels,
    createdAt: command.createdAt.toISOString(),
    startedAt: command.startedAt?.toISOString() ?? null,
    endedAt: command.endedAt?.toISOString() ?? null,
    unreachableSince: command.unreachableSince?.toISOString() ?? null,
    stdoutBytes: position.stdout,
    stderrBytes: position.stderr,
    queue: null,
    result,
  };
}
