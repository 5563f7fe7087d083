import { type Caller, type NewEvent, matchesGlob } from '@app/kernel';
import type { Delivery } from './delivery.js';
import { MESSAGE_TYPES, type Readable, TEST, mayRead, readableBy } from './message.js';

const DAY_MS = 86_400_000;
/** A webhook whose attempts have failed for so long is disabled. */
export const FAILING_MS_MAX = 5 * DAY_MS;
/** Failures that are further apart do not belong together. The longest time between two attempts is 28.8 h. */
export const FAILURE_LAPSE_HOURS = 30;

/** A subscription. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  /** Globs of message types. */
  readonly events: readonly string[];
  /** Globs of projects; null: all that its key sees. */
  readonly projects: readonly string[] | null;
  readonly description: string | null;
  readonly enabled: boolean;
  /** Why rdev has disabled it; null: it has not. */
  readonly disabledReason: string | null;
  /** The key that created or last changed it, whose rights it has. */
  readonly keyId: string;
  readonly secret: string;
  /** Signs as well until `formerSecretUntil`. */
  readonly formerSecret: string | null;
  readonly formerSecretUntil: Date | null;
  /** Since when all attempts have failed, with no longer time between two than {@link FAILURE_LAPSE_HOURS}; null: the last one has not. */
  readonly failingSince: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What a client decides. */
export type WebhookSpec = Pick<Webhook, 'url' | 'events' | 'projects' | 'description' | 'enabled'>;
/** Fields to change. */
export type WebhookPatch = { readonly [K in keyof WebhookSpec]?: WebhookSpec[K] | undefined };

/** A subscription with the rights of its key now. */
export interface Subscription {
  readonly webhook: Webhook;
  readonly rights: Pick<Caller, 'scopes' | 'projects'>;
}

type About = Pick<Delivery, 'type' | 'projectId'>;

/** Whether a glob of types matches any type that there is. */
export function isTypeGlob(glob: string): boolean {
  return MESSAGE_TYPES.some((type) => matchesGlob(glob, type));
}

/** Whether the subscription asks for the message, and its key may read it. */
export function isSubscribed({ webhook, rights }: Subscription, message: About): boolean {
  const { events, projects } = webhook;
  if (!events.some((glob) => matchesGlob(glob, message.type))) return false;
  const { projectId } = message;
  const isWanted = projects === null || (projectId !== null && projects.some((glob) => matchesGlob(glob, projectId)));
  return isWanted && mayRead(rights, message);
}

/** Whether it may be told now: what it asks for and what its key may read can have changed. */
export function mayTell(subscription: Subscription, message: About): boolean {
  return message.type === TEST || isSubscribed(subscription, message);
}

/** What it may be told now. Its key alone does not decide. */
export function tellableBy({ webhook: { events, projects }, rights }: Subscription): Readable {
  const readable = readableBy(rights);
  return {
    types: readable.types.filter((type) => type === TEST || typesOf(events).includes(type)),
    projects: projects === null ? readable.projects : [...readable.projects, projects],
  };
}

/** The types that the globs match. */
export function typesOf(globs: readonly string[]): readonly string[] {
  return MESSAGE_TYPES.filter((type) => globs.some((glob) => matchesGlob(glob, type)));
}

/** The secrets that sign a message now, the current one first. */
export function secretsOf({ secret, formerSecret, formerSecretUntil }: Webhook, now: Date): readonly string[] {
  const isFormerValid = formerSecret !== null && formerSecretUntil !== null && formerSecretUntil > now;
  return isFormerValid ? [secret, formerSecret] : [secret];
}

export function webhookDisabled({ id, url }: Webhook, reason: string): NewEvent {
  return {
    type: 'webhook.disabled',
    target: id,
    outcome: 'failed',
    data: { host: URL.parse(url)?.host ?? '', reason },
  };
}

type Verb = 'created' | 'updated' | 'deleted' | 'secret_rotated' | 'tested' | 'redelivered' | 'recovered';

export function webhookChanged(verb: Verb, id: string, data: NewEvent['data'] = {}): NewEvent {
  return { type: `webhook.${verb}`, target: id, outcome: 'succeeded', data };
}

/** The target of a callback's delivery is its command. */
export function redelivered({ id, callback, endpointId, projectId }: Delivery): NewEvent {
  if (callback === null) return webhookChanged('redelivered', endpointId, { deliveryId: id });
  const event = webhookChanged('redelivered', id.replace(/^dlv/, 'cmd'), { deliveryId: id });
  return projectId === null ? event : { ...event, projectId };
}
