import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { QueuePlace } from '../../application/command-queue.js';
import { COMMAND_TYPES, type Command, PRIORITIES, type Work } from '../../domain/command.js';
import { COMMAND_STATUSES } from '../../domain/status.js';
import { type CommandResult, REASONS } from '../../domain/result.js';

export class ResultResponse implements CommandResult {
  @ApiProperty({ type: 'integer', nullable: true, description: 'Null unless the main process exited by itself' })
  exitCode!: number | null;

  @ApiProperty({ type: String, nullable: true, example: 'SIGKILL' })
  signal!: string | null;

  @ApiProperty({ enum: REASONS })
  reason!: CommandResult['reason'];

  @ApiPropertyOptional({ description: 'What was observed, in words' })
  detail?: string;

  @ApiProperty({ type: 'integer', nullable: true })
  durationMs!: number | null;

  @ApiProperty({ type: 'integer', nullable: true })
  queueMs!: number | null;

  @ApiProperty({ type: 'integer', description: 'Bytes that were written, kept or not' })
  stdoutBytes!: number;

  @ApiProperty({ type: 'integer' })
  stderrBytes!: number;

  @ApiProperty({ description: 'The output limit was passed' })
  truncated!: boolean;

  @ApiPropertyOptional({ description: 'After a kill nothing of the process tree was found' })
  killVerified?: boolean;

  @ApiPropertyOptional({ type: 'integer' })
  survivors?: number;

  @ApiPropertyOptional({ type: 'integer' })
  uninspectable?: number;

  @ApiPropertyOptional({ type: 'integer', description: 'Background processes that were killed at the end' })
  leftKilled?: number;

  @ApiPropertyOptional({ type: 'integer' })
  cpuMs?: number;
}

export class QueuePlaceResponse implements QueuePlace {
  @ApiProperty({ type: 'integer', minimum: 1, description: 'In the queue of the project; 1 is next' })
  position!: number;

  @ApiProperty({ type: 'integer', minimum: 0 })
  ahead!: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'From how long the last commands of the project took; null where that does not tell',
  })
  estimatedWaitSeconds!: number | null;
}

export class CommandResponse {
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

  @ApiPropertyOptional()
  script?: string;

  @ApiPropertyOptional({ type: [String] })
  argv?: readonly string[];

  @ApiPropertyOptional({ type: [String] })
  args?: readonly string[];

  @ApiProperty({ type: String, nullable: true })
  cwd!: string | null;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, description: 'Values are not shown' })
  env!: Readonly<Record<string, string>>;

  @ApiProperty({ enum: ['none', 'text'] })
  stdin!: string;

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
    description: 'The node does not answer since then',
  })
  unreachableSince!: string | null;

  @ApiProperty({ type: 'integer', description: 'Bytes of stdout so far' })
  stdoutBytes!: number;

  @ApiProperty({ type: 'integer', description: 'Bytes of stderr so far' })
  stderrBytes!: number;

  @ApiProperty({ type: QueuePlaceResponse, nullable: true, description: 'Only while it is queued, and not in lists' })
  queue!: QueuePlaceResponse | null;

  @ApiProperty({ type: ResultResponse, nullable: true, description: 'Only when it has ended' })
  result!: ResultResponse | null;
}

export class CommandPage {
  @ApiProperty({ type: [CommandResponse] })
  data!: CommandResponse[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export function toResponse(command: Command, queue: QueuePlace | null = null): CommandResponse {
  const { id, projectId, keyId, spec, status, priority, lock, labels, position, result } = command;
  return {
    id,
    projectId,
    keyId,
    type: spec.work.type,
    status,
    ...workFields(spec.work),
    cwd: spec.cwd,
    env: Object.fromEntries(Object.keys(spec.env).map((name) => [name, '[redacted]'])),
    stdin: spec.stdin.kind,
    timeoutSeconds: spec.timeoutSeconds,
    noOutputTimeoutSeconds: spec.noOutputTimeoutSeconds,
    maxOutputBytes: spec.outputBytesMax,
    keepBackground: spec.keepBackground,
    priority,
    lock,
    labels,
    createdAt: command.createdAt.toISOString(),
    startedAt: command.startedAt?.toISOString() ?? null,
    endedAt: command.endedAt?.toISOString() ?? null,
    unreachableSince: command.unreachableSince?.toISOString() ?? null,
    stdoutBytes: position.stdout,
    stderrBytes: position.stderr,
    queue,
    result,
  };
}

function workFields(work: Work): Pick<CommandResponse, 'script' | 'argv' | 'args'> {
  const { type: _type, ...fields } = work;
  return fields;
}
