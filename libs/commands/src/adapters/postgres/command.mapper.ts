import { type Actor, parseTraceparent } from '@app/kernel';
import {
  type Command,
  type CommandSpec,
  type CommandSummary,
  type EndedCommand,
  type Instance,
  PREVIEW_CHARS_MAX,
  PRIORITIES,
  type Priority,
  type SpecOutline,
} from '../../domain/command.js';
import type { CommandType } from '../../domain/work/index.js';
import type { CommandStatus } from '../../domain/status.js';
import type { CommandResult } from '../../domain/result.js';

/**
 * The spec without what PostgreSQL refuses in a text: NUL and lone surrogates, which JSON.stringify escapes. Escaped
 * backslashes are encoded differently first, since a lookbehind at each position is far too slow.
 */
export const READABLE_SPEC = String.raw`CASE WHEN strpos(spec::text, '\u0000') + strpos(spec::text, '\ud') = 0 THEN spec
  ELSE regexp_replace(replace(spec::text, '\\', '\u005c'), '\\u(?:0000|d[89a-f]..)', chr(65533), 'g')::json END`;

/**
 * An older release running at the same time leaves `outline` null; it is then derived from the spec, as {@link
 * outlineOf} does.
 */
const OUTLINE = `coalesce(outline, (
  SELECT json_build_object('preview', left(coalesce(work->>'script', CASE WHEN work->>'type' = 'git' THEN 'git ' ELSE '' END || (
      SELECT string_agg(argument, ' ' ORDER BY place)
      FROM json_array_elements_text(coalesce(work->'argv', work->'args')) WITH ORDINALITY AS a (argument, place)
    )), ${String(PREVIEW_CHARS_MAX)}),
    'cwd', cwd, 'container', container, 'stdin', stdin->>'kind', 'timeoutSeconds', "timeoutSeconds", 'noOutputTimeoutSeconds', "noOutputTimeoutSeconds",
    'outputBytesMax', "outputBytesMax", 'keepBackground', "keepBackground")
  FROM json_to_record(${READABLE_SPEC}) AS s (work json, cwd text, container text, stdin json, "timeoutSeconds" int,
    "noOutputTimeoutSeconds" int, "outputBytesMax" bigint, "keepBackground" boolean)
)) AS outline`;

const SMALL_COLUMNS = `id, project_id, key_id, type, labels, status, priority, lock, trace, created_at, queue_expires_at,
  admitted_at, started_at, first_byte_at, ended_at, unreachable_since, cancel_requested_at, cancel_grace_seconds, instance, stdout_bytes,
  stderr_bytes, stdin_bytes, result`;

/** Does not read what the commands run. */
export const SUMMARY_COLUMNS = `${SMALL_COLUMNS}, ${OUTLINE}`;

/** Of a command that has just ended. */
export const ENDED_COLUMNS = `${SUMMARY_COLUMNS}, actor`;

export const COMMAND_COLUMNS = `${SUMMARY_COLUMNS}, spec`;

/** The columns besides the spec that can be large. */
export const SIZED_COLUMNS = ['labels', 'outline', 'result', 'instance'];

export interface SummaryRow {
  readonly id: string;
  readonly project_id: string;
  readonly key_id: string | null;
  readonly type: CommandType;
  readonly outline: SpecOutline;
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
  readonly stdin_bytes: string | null;
  readonly result: CommandResult | null;
}

export interface SpecRow {
  readonly spec: CommandSpec;
}

export interface EndedRow extends SummaryRow {
  /** Null if an earlier release created it. */
  readonly actor: Actor | null;
}

export function toCommand(row: SummaryRow & SpecRow): Command {
  return { ...toSummary(row), spec: row.spec };
}

export function toSummary(row: SummaryRow): CommandSummary {
  return {
    id: row.id,
    projectId: row.project_id,
    keyId: row.key_id,
    type: row.type,
    // Null in rows of earlier releases.
    outline: { ...row.outline, container: row.outline.container ?? null },
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
    stdinBytes: row.stdin_bytes === null ? null : Number(row.stdin_bytes),
    result: row.result,
  };
}

export function toEnded(row: EndedRow): EndedCommand {
  const { result, ...summary } = toSummary(row);
  if (result === null) throw new Error(`The command ${row.id} has not ended.`);
  return { ...summary, result, creator: row.actor ?? creatorOf(summary) };
}

/** What is known of the creator of a command of an earlier release. */
function creatorOf({ keyId, traceparent }: Pick<CommandSummary, 'keyId' | 'traceparent'>): Actor {
  return { keyId, ip: null, userAgent: null, requestId: null, traceId: null, ...parseTraceparent(traceparent) };
}

function toCancel({ cancel_requested_at: at, cancel_grace_seconds: graceSeconds }: SummaryRow): Command['cancel'] {
  return at === null ? null : { requestedAt: at, graceSeconds: graceSeconds ?? 0 };
}

export function toRank(priority: Priority): number {
  return PRIORITIES.indexOf(priority);
}

/**
 * The waiting time is the difference of two database times. A cancelled command gets the reason of its cancellation
 * unless its result has one.
 */
export const ENDING = `status = $3, ended_at = clock_timestamp(), lease_owner = NULL, lease_expires_at = NULL, unreachable_since = NULL,
  result = json_build_object('queueMs', (extract(epoch FROM coalesce(admitted_at, clock_timestamp()) - created_at) * 1000)::bigint)::jsonb
    || CASE WHEN $3 = 'cancelled' AND cancel_reason IS NOT NULL THEN jsonb_build_object('detail', cancel_reason) ELSE '{}' END || $4::jsonb`;
