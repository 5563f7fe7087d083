import { type Command, type CommandSpec, type Instance, PRIORITIES, type Priority } from '../../domain/command.js';
import type { CommandStatus } from '../../domain/status.js';
import type { CommandResult } from '../../domain/result.js';

export const COMMAND_COLUMNS = `id, project_id, key_id, spec, labels, status, priority, lock, trace, created_at, queue_expires_at,
  admitted_at, started_at, first_byte_at, ended_at, unreachable_since, cancel_requested_at, cancel_grace_seconds, instance, stdout_bytes,
  stderr_bytes, result`;

export interface CommandRow {
  readonly id: string;
  readonly project_id: string;
  readonly key_id: string | null;
  readonly spec: CommandSpec;
  readonly labels: Record<string, string>;
  readonly status: CommandStatus;
  readonly priority: number;
  readonly lock: string | null;
  readonly trace: string | null;
  readonly created_at: Date;
  readonly queue_expires_at: Date | null;
  readonly admitted_at: Date | null;
  readonly started_at: Date | null;
  readonly first_byte_at: Date | null;
  readonly ended_at: Date | null;
  readonly unreachable_since: Date | null;
  readonly cancel_requested_at: Date | null;
  readonly cancel_grace_seconds: number | null;
  readonly instance: Instance | null;
  readonly stdout_bytes: string;
  readonly stderr_bytes: string;
  readonly result: CommandResult | null;
}

export function toCommand(row: CommandRow): Command {
  return {
    id: row.id,
    projectId: row.project_id,
    keyId: row.key_id,
    spec: row.spec,
    labels: row.labels,
    status: row.status,
    priority: PRIORITIES[row.priority] ?? 'normal',
    lock: row.lock,
    traceparent: row.trace,
    createdAt: row.created_at,
    queueExpiresAt: row.queue_expires_at,
    admittedAt: row.admitted_at,
    startedAt: row.started_at,
    firstByteAt: row.first_byte_at,
    endedAt: row.ended_at,
    unreachableSince: row.unreachable_since,
    cancel: toCancel(row),
    instance: row.instance,
    position: { stdout: Number(row.stdout_bytes), stderr: Number(row.stderr_bytes) },
    result: row.result,
  };
}

function toCancel({ cancel_requested_at: at, cancel_grace_seconds: graceSeconds }: CommandRow): Command['cancel'] {
  return at === null ? null : { requestedAt: at, graceSeconds: graceSeconds ?? 0 };
}

export function toRank(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}
