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
/** A `Retry-After` beyond that counts as that. It is also the longest time between two attempts. */
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
  /** Of every attempt; null: none. */
  readonly traceparent: string | null;
  readonly status: DeliveryStatus;
  readonly attemptCount: number;
  /** Since its creation, or since it was last redelivered. */
  readonly pendingSince: Date;
  /** Null once it is delivered or has failed. */
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** What limits and the circuit breaker are about: all that goes to an origin on behalf of one key. */
export interface Endpoint {
  readonly keyId: string;
  readonly origin: string;
}

export function nameOf({ keyId, origin }: Endpoint): string {
  return `${keyId} ${origin}`;
}

/** What the deliveries of callbacks have in place of a webhook's id. */
export function callbackEndpoint({ url, keyId }: Pick<Callback, 'url' | 'keyId'>): string {
  return nameOf({ keyId, origin: originOf(url) });
}

export function originOf(url: string): string {
  return URL.parse(url)?.origin ?? url;
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

/** Whether the attempt shows that the host works, whatever it says about the message. */
export function isHostUp({ status }: Pick<Attempt, 'status'>): boolean {
  return status !== null && status < 500 && status !== 429;
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
  const delayMs = Math.max(scheduledMs, retryAfterMs ?? 0) * (1 + JITTER * random());
  return { kind: 'retry', afterMs: Math.min(Math.round(delayMs), RETRY_AFTER_MAX_MS) };
}

/**
 * The delay of a `Retry-After` header in milliseconds, at most a day; null: there is none that can be read.
 * @see RFC 9110, section 10.2.3
 */
export function retryAfterMs(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  const delayMs = /^\d+$/.test(header) ? Number(header) * SECOND_MS : httpDate(header, now) - now.getTime();
  return Number.isNaN(delayMs) ? null : Math.min(Math.max(0, delayMs), RETRY_AFTER_MAX_MS);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TIME = String.raw`(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})`;
/** IMF-fixdate, and the obsolete formats of RFC 850 and of C's asctime(). */
const HTTP_DATES = [
  String.raw`[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${TIME} GMT`,
  String.raw`[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) ${TIME} GMT`,
  String.raw`[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[\d ]\d) ${TIME} (?<year>\d{4})`,
].map((format) => new RegExp(`^${format}$`));

/** The time of an HTTP date; NaN: it is none. @see RFC 9110, section 5.6.7 */
function httpDate(text: string, now: Date): number {
  const found = HTTP_DATES.map((format) => format.exec(text)?.groups).find((groups) => groups !== undefined);
  if (found === undefined) return NaN;
  const { year = '', month = '', day, hour, minute, second } = found;
  if (!MONTHS.includes(month)) return NaN;
  const time = [day, hour, minute, second].map(Number) as [number, number, number, number];
  return Date.UTC(year.length === 2 ? fullYear(Number(year), now) : Number(year), MONTHS.indexOf(month), ...time);
}

/** A year of two digits that seems more than 50 years ahead is in the past. @see RFC 9110, section 5.6.7 */
function fullYear(twoDigits: number, now: Date): number {
  const year = Math.floor(now.getUTCFullYear() / 100) * 100 + twoDigits;
  return year > now.getUTCFullYear() + 50 ? year - 100 : year;
}
