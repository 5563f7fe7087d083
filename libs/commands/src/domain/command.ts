import { type Actor, type NewEvent, currentActor, parseTraceparent } from '@app/kernel';
import type { Position } from './position.js';
import type { CommandResult } from './result.js';
import type { CommandStatus } from './status.js';
import { type CommandType, programOf, type Work } from './work/index.js';

export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const;
export type Priority = (typeof PRIORITIES)[number];

export type Stdin =
  { readonly kind: 'none' } | { readonly kind: 'text'; readonly text: string } | { readonly kind: 'open' };

/** What the client asked for. */
export interface CommandSpec {
  readonly work: Work;
  /** Null: the project's default. */
  readonly cwd: string | null;
  /** The name of a container of the pod. Null: the project's default. */
  readonly container: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: Stdin;
  readonly timeoutSeconds: number;
  readonly noOutputTimeoutSeconds: number | null;
  readonly outputBytesMax: number;
  readonly keepBackground: boolean;
}

/** Where a command was bound to before its start: it never moves to another instance. */
export interface Instance {
  /** Pod UID, or the directory of a local project. */
  readonly id: string;
  /** Null on the local runtime. */
  readonly containerId: string | null;
  readonly pod: string | null;
  readonly container: string | null;
  readonly node: string | null;
  /** Null: the first of the usual directories that is writable. */
  readonly spoolDirectory: string | null;
}

/** The part of a spec that is always small. */
export interface SpecOutline extends Omit<CommandSpec, 'work' | 'env' | 'stdin'> {
  /** The beginning of what it runs. */
  readonly preview: string;
  readonly stdin: Stdin['kind'];
}

/** A command without what it runs and is given: small, so that many can be read often. */
export interface CommandSummary {
  readonly id: string;
  readonly projectId: string;
  readonly keyId: string | null;
  readonly type: CommandType;
  readonly outline: SpecOutline;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: CommandStatus;
  readonly priority: Priority;
  readonly lock: string | null;
  /** W3C trace context that the request that created it handed on. */
  readonly traceparent: string | null;
  readonly createdAt: Date;
  /** When its queue timeout passes; null: never. */
  readonly queueExpiresAt: Date | null;
  readonly admittedAt: Date | null;
  readonly startedAt: Date | null;
  readonly firstByteAt: Date | null;
  readonly endedAt: Date | null;
  readonly unreachableSince: Date | null;
  /** Null unless its cancellation was requested. */
  readonly cancel: { readonly requestedAt: Date; readonly graceSeconds: number } | null;
  readonly instance: Instance | null;
  readonly position: Position;
  /** Bytes known to have been written to an open stdin; null: no open stdin. */
  readonly stdinBytes: number | null;
  readonly result: CommandResult | null;
}

export interface Command extends CommandSummary {
  readonly spec: CommandSpec;
}

/** What a command is started with. */
export interface Startup {
  readonly spec: CommandSpec;
  /** The variables of its project. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A command that has just been given a slot. */
export interface AdmittedCommand extends CommandSummary {
  /** As of that moment; null if it is too large to keep in memory until needed. */
  readonly startup: Startup | null;
}

export const PREVIEW_CHARS_MAX = 200;

export function outlineOf({ work, env: _env, stdin, ...rest }: CommandSpec): SpecOutline {
  return { ...rest, preview: previewOf(work), stdin: stdin.kind };
}

/** Whether it contains possible secrets: values of variables, or stdin. */
export function hasInput({ env, stdin }: CommandSpec): boolean {
  return Object.keys(env).length > 0 || stdin.kind === 'text';
}

/** Without a split character at its end; lone surrogates in the request are replaced, since PostgreSQL refuses them. */
function previewOf(work: Work): string {
  const program = programOf(work);
  const text = 'script' in program ? program.script : program.argv.join(' ');
  // A character has at most two UTF-16 units.
  const characters = Array.from(text.slice(0, 2 * PREVIEW_CHARS_MAX).toWellFormed());
  return characters.slice(0, PREVIEW_CHARS_MAX).join('');
}

export type NewCommand = Pick<
  Command,
  'id' | 'projectId' | 'keyId' | 'spec' | 'labels' | 'priority' | 'lock' | 'traceparent'
> & {
  readonly queueTimeoutSeconds: number | null;
  /** Of the request that creates it. */
  readonly creator: Actor;
};

/** A command that has just ended. */
export interface EndedCommand extends CommandSummary {
  readonly result: CommandResult;
  readonly creator: Actor;
}

type StartedCommand = Pick<Command, 'id' | 'projectId' | 'traceparent'>;

/** @param details what it runs, redacted */
export function commandCreated({ id, projectId, spec, priority, creator }: NewCommand, details: object): NewEvent {
  const { work, container } = spec;
  const data = { type: work.type, priority, ...(container !== null && { container }) };
  return {
    type: 'command.created',
    projectId,
    target: id,
    outcome: 'allowed',
    data,
    details: { ...details },
    actor: creator,
  };
}

export function commandReprioritized({ id, projectId, priority }: CommandSummary, before: Priority): NewEvent {
  return { type: 'command.reprioritized', projectId, target: id, outcome: 'succeeded', data: { before, priority } };
}

/** It belongs to the trace of the request that created the command, but nobody asked for it. */
export function commandStarted({ id, projectId, traceparent }: StartedCommand): NewEvent {
  const actor = { ...currentActor(), ...parseTraceparent(traceparent) };
  return { type: 'command.started', projectId, target: id, outcome: 'succeeded', data: {}, actor };
}

/** A request to end it. */
export function commandCancelRequested(
  { id, projectId }: Pick<Command, 'id' | 'projectId'>,
  graceSeconds: number,
  reason: string,
): NewEvent {
  const data = { graceSeconds, reason };
  return { type: 'command.cancel_requested', projectId, target: id, outcome: 'allowed', data };
}

/** Recorded before the signal is sent. */
export function commandSignalled({ id, projectId }: Pick<Command, 'id' | 'projectId'>, signal: string): NewEvent {
  return { type: 'command.signalled', projectId, target: id, outcome: 'allowed', data: { signal } };
}

/**
 * Recorded before the data is written: the amount, but never the data, which may be secret.
 * @param offset where the client expects the data to begin; null: at the end
 */
export function stdinWritten(
  { id, projectId }: Pick<Command, 'id' | 'projectId'>,
  { offset, bytes, eof }: { offset: number | null; bytes: number; eof: boolean },
): NewEvent {
  return { type: 'command.stdin', projectId, target: id, outcome: 'allowed', data: { offset, bytes, eof } };
}

/** Its actor is the creator, whichever replica observes the end. */
export function commandEnded({ id, projectId, status, result, creator }: EndedCommand): NewEvent {
  const outcome = status === 'succeeded' ? 'succeeded' : 'failed';
  return { type: 'command.ended', projectId, target: id, outcome, data: { status, result }, actor: creator };
}
