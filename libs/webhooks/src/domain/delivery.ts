import type { Callback } from '@app/kernel';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** How long after a failed attempt the next one follows. */
const RETRY_AFTER_MS = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  12 * HOUR_MS,
];
/** The part of it that is added at random, so that what failed together is not tried together. */
const JITTER = 0.2;
/** A `Retry-After` beyond that is not honoured. */
const RETRY_AFTER_MAX_MS = 24 * HOUR_MS;

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** A message on its way to one endpoint. */
export interface Delivery {
  readonly id: string;
  /** The id of the webhook, or what {@link callbackEndpoint} returns. */
  readonly endpointId: string;
  /** Null: it goes to a webhook. */
  readonly callback: Pick<Callback, 'url' | 'keyId'> | null;
  readonly messageId: string;
  readonly type: string;
  readonly projectId: string | null;
  /** The exact body of every attempt. */
  readonly body: string;
  readonly status: DeliveryStatus;
  readonly attemptCount: number;
  /** Null once it is delivered or has failed. */
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** The deliveries of a key's callbacks to one origin count as those of one endpoint. */
export function callbackEndpoint({ url, keyId }: Pick<Callback, 'url' | 'keyId'>): string {
  return `${keyId} ${new URL(url).origin}`;
}

export interface Attempt {
  readonly at: Date;
  /** The status of the response; null: there was none. */
  readonly status: number | null;
  readonly latencyMs: number;
  /** The first bytes of the response, as text; null: there was none. */
  readonly excerpt: string | null;
  /** Why there was no response. */
  readonly error: string | null;
}

/** What follows from an attempt. */
export type Consequence =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly afterMs: number }
  /** No attempt is left. */
  | { readonly kind: 'failed' }
  /** The endpoint has said that it is gone for good. */
  | { readonly kind: 'gone' };

/**
 * @param attemptCount how many attempts there have been, this one included
 * @param retryAfterMs what the endpoint asked for; null: nothing
 */
export function consequenceOf(
  { status }: Pick<Attempt, 'status'>,
  attemptCount: number,
  retryAfterMs: number | null,
  random: () => number = Math.random,
): Consequence {
  if (status !== null && status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 410) return { kind: 'gone' };
  const scheduledMs = RETRY_AFTER_MS[attemptCount - 1];
  if (scheduledMs === undefined) return { kind: 'failed' };
  const asked = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
  return { kind: 'retry', afterMs: Math.round(Math.max(scheduledMs, asked) * (1 + JITTER * random())) };
}

/** The delay of a `Retry-After` header in milliseconds; null: there is none that can be read. @see RFC 9110, 10.2.3 */
export function retryAfterMs(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * SECOND_MS;
  const at = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}
