import { type Caller, type NewEvent, matchesGlob } from '@app/kernel';
import { MESSAGE_TYPES, type Message, mayRead } from './message.js';

const DAY_MS = 86_400_000;
/** An endpoint that has failed for so long is disabled. */
export const FAILING_MS_MAX = 5 * DAY_MS;

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
  /** Since when no attempt has succeeded; null: the last one has, or there was none. */
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

/** Whether a glob of types matches any type that there is. */
export function isTypeGlob(glob: string): boolean {
  return MESSAGE_TYPES.some((type) => matchesGlob(glob, type));
}

/** Whether the subscription asks for the message, and its key may read it. */
export function isSubscribed({ webhook, rights }: Subscription, message: Message): boolean {
  const { events, projects } = webhook;
  if (!events.some((glob) => matchesGlob(glob, message.type))) return false;
  const { projectId } = message;
  const isWanted = projects === null || (projectId !== null && projects.some((glob) => matchesGlob(glob, projectId)));
  return isWanted && mayRead(rights, message);
}

/** The secrets that sign a message now, the current one first. */
export function secretsOf({ secret, formerSecret, formerSecretUntil }: Webhook, now: Date): readonly string[] {
  const isFormerValid = formerSecret !== null && formerSecretUntil !== null && formerSecretUntil > now;
  return isFormerValid ? [secret, formerSecret] : [secret];
}

export function webhookDisabled({ id, url }: Webhook, reason: string): NewEvent {
  return { type: 'webhook.disabled', target: id, outcome: 'failed', data: { host: new URL(url).host, reason } };
}

export function webhookChanged(verb: 'created' | 'updated' | 'deleted' | 'secret_rotated', id: string): NewEvent {
  return { type: `webhook.${verb}`, target: id, outcome: 'succeeded', data: {} };
}
