import {
  type Caller,
  type LoggedEvent,
  type Scope,
  formatTraceparent,
  hasScope,
  matchesGlob,
  maySeeProject,
} from '@app/kernel';
import type { Delivery } from './delivery.js';

/** The types of messages that subscriptions can ask for. */
export const MESSAGE_TYPES = [
  'command.queued',
  'command.started',
  'command.succeeded',
  'command.failed',
  'command.cancelled',
  'command.timed_out',
  'command.lost',
  'command.expired',
  'project.created',
  'project.started',
  'project.stopped',
  'project.failed',
  'project.deleted',
  'key.created',
  'key.revoked',
  'key.expiring',
  'webhook.disabled',
  'webhook.test',
  'audit.checkpoint',
] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** What is told to subscribers: small, without output, command text or secrets. */
export interface Message {
  /** Of the event; the `webhook-id` of every attempt to deliver it. */
  readonly id: string;
  readonly type: MessageType;
  /** When the event happened. */
  readonly timestamp: Date;
  readonly projectId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  /** The trace to which it belongs; null: none. */
  readonly traceparent: string | null;
}

/** Events of a command in the order in which they happen, so that a receiver can order its messages. */
const SEQUENCE = { queued: 1, started: 2, ended: 3 };

/** Scopes of which a key needs one to read what messages of the kind say. */
const READERS: Readonly<Record<string, readonly Scope[]>> = {
  command: ['commands:read'],
  project: ['projects:read'],
  key: ['keys:read'],
  webhook: ['webhooks:read', 'webhooks:write'],
  audit: ['audit:read'],
};

/** The message about an event; null: subscribers are not told of it. */
export function messageOf(event: LoggedEvent, urlOf: (path: string) => string): Message | null {
  const [kind = '', name = ''] = event.type.split('.');
  const ofCommand = kind === 'command' ? aboutCommand(event, name, urlOf) : null;
  const type = ofCommand?.type ?? event.type;
  if (!isMessageType(type)) return null;
  const data = ofCommand?.data ?? aboutOther(event, kind, urlOf);
  const traceparent = formatTraceparent(event.actor);
  return { id: event.id, type, timestamp: event.at, projectId: event.projectId ?? null, data, traceparent };
}

function isMessageType(type: string): type is MessageType {
  return (MESSAGE_TYPES as readonly string[]).includes(type);
}

function aboutCommand(
  { projectId, target, data }: LoggedEvent,
  name: string,
  urlOf: (path: string) => string,
): { type: string; data: Message['data'] } | null {
  const about = { commandId: target, projectId, url: urlOf(`/v1/commands/${target}`) };
  if (name === 'created') return { type: 'command.queued', data: { ...about, sequence: SEQUENCE.queued, ...data } };
  if (name === 'started') return { type: 'command.started', data: { ...about, sequence: SEQUENCE.started } };
  if (name !== 'ended') return null;
  const { status, result } = data as { status: string; result: unknown };
  return { type: `command.${status}`, data: { ...about, sequence: SEQUENCE.ended, status, result } };
}

function aboutOther({ projectId, target, data }: LoggedEvent, kind: string, urlOf: (path: string) => string) {
  if (kind === 'project') return { projectId, url: urlOf(`/v1/projects/${target}`), ...data };
  if (kind === 'audit') return { url: urlOf('/v1/audit/checkpoints'), ...data };
  if (kind === 'key') return { keyId: target, url: urlOf(`/v1/keys/${target}`), ...data };
  return { webhookId: target, url: urlOf(`/v1/webhooks/${target}`), ...data };
}

/** Tells of nothing but the webhook itself. */
export const TEST = 'webhook.test';

type Rights = Pick<Caller, 'scopes' | 'projects'>;

/** Whether a key with these rights could read what the message says. */
export function mayRead(rights: Rights, { type, projectId }: Pick<Delivery, 'type' | 'projectId'>): boolean {
  if (type === TEST) return true;
  if (!isReader(rights, type)) return false;
  // Keys and subscriptions belong to no project: a key that is limited to some may not read of them.
  return projectId === null ? rights.projects === null : maySeeProject(rights, projectId);
}

/** Whether a key with these rights could read any message that the glob of types asks for. */
export function canRead(rights: Pick<Caller, 'scopes'>, glob: string): boolean {
  return MESSAGE_TYPES.some((type) => matchesGlob(glob, type) && isReader(rights, type));
}

/** What a delivery must be about, as a condition for a database: {@link mayRead}, and more. */
export interface Readable {
  readonly types: readonly string[];
  /** Globs: a project must match one of each list. */
  readonly projects: readonly (readonly string[])[];
}

/** What a key with these rights could read. */
export function readableBy(rights: Rights): Readable {
  return {
    types: MESSAGE_TYPES.filter((type) => type === TEST || isReader(rights, type)),
    projects: rights.projects === null ? [] : [rights.projects],
  };
}

/** Whether a key with these rights could read all that one with the other rights could of the types. */
export function readsAll(rights: Rights, types: readonly string[], other: Pick<Caller, 'scopes'>): boolean {
  return types.every((type) => !isReader(other, type) || isReader(rights, type));
}

function isReader(rights: Pick<Caller, 'scopes'>, type: string): boolean {
  const kind = type.slice(0, type.indexOf('.'));
  return (READERS[kind] ?? []).some((scope) => hasScope(rights, scope));
}

/** The body of the request. @see Standard Webhooks, section "Payload structure" */
export function bodyOf({ type, timestamp, data }: Message): string {
  return JSON.stringify({ type, timestamp: timestamp.toISOString(), data });
}
