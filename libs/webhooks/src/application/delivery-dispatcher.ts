import { Clock, EventLog, Notifier, Poller, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Backoff, retryWhileUnavailable } from '@app/resilience';
import { type Attempt, type Consequence, consequenceOf, isHostUp, retryAfterMs } from '../domain/delivery.js';
import { mayRead } from '../domain/message.js';
import { FAILING_MS_MAX, type Webhook, mayTell, secretsOf, webhookDisabled } from '../domain/webhook.js';
import { type ClaimedDelivery, DeliveryRepository } from './delivery.repository.js';
import { EndpointHealth } from './endpoint-health.js';
import { type KeyState, KeyStates } from './key-states.js';
import { MessageSender, type SignedMessage } from './message-sender.js';
import { WebhookRepository } from './webhook.repository.js';

/** The channel on which due deliveries are announced to the replicas. */
const CHANNEL = 'deliveries';
/** Concurrent attempts on this replica. */
const RUNNING_MAX = 128;
/** An attempt takes at most 15 s: a claim that is older belongs to a replica that died. */
const LEASE_SECONDS = 45;
/** While the database is unavailable, an attempt is recorded later, but before its claim expires. */
const RECORD_MS_MAX = 40_000;
const RECORD_BACKOFF = new Backoff(100, 2_000);
/** Finds what is due by time, and covers lost hints. */
const POLL_MS = 1_000;
/** Ended deliveries are kept for 30 days. */
const RETENTION_DAYS = 30;
const FORGET_AT_ONCE = 1_000;
const FORGET_POLL_MS = 600_000;
/** Finds what a replica abandoned that died, or did not hear of. */
const ABANDONED_POLL_MS = 5_000;
const GONE = 'The endpoint responded 410 Gone';
/** Why a webhook is disabled whose key is revoked or has expired. */
export const KEY_INVALID = 'Its key is no longer valid. Enable it with another key';
const FAILING = 'Every attempt of the last 5 days has failed';
const NOT_SENT = {
  keyInvalid: 'It was not sent: the key of the webhook or command is no longer valid.',
  notReadable: 'It was not sent: the webhook no longer asks for it, or the key may no longer read it.',
} as const;

/** Sends the messages that are due. */
@Injectable()
export class DeliveryDispatcher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DeliveryDispatcher.name);
  private readonly health = new EndpointHealth();
  private readonly running = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly observers: ((attempt: Attempt) => void)[] = [];
  private unsubscribe: (() => void) | undefined;
  private readonly poller = new Poller(
    () => this.dispatch(),
    POLL_MS,
    (error) => {
      this.report(error, 'Deliveries could not be claimed');
    },
  );

  private readonly abandonment = new Poller(
    async () => (await this.deliveries.endAbandoned(FORGET_AT_ONCE)) === FORGET_AT_ONCE,
    ABANDONED_POLL_MS,
    (error) => {
      this.report(error, 'Abandoned deliveries could not be ended');
    },
  );

  private readonly retention = new Poller(
    async () => {
      const removed = await this.deliveries.forgetRemoved(FORGET_AT_ONCE);
      const old = await this.deliveries.forget(RETENTION_DAYS, FORGET_AT_ONCE);
      return Math.max(removed, old) === FORGET_AT_ONCE;
    },
    FORGET_POLL_MS,
    (error) => {
      this.report(error, 'Old deliveries could not be removed');
    },
  );

  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly webhooks: WebhookRepository,
    private readonly keys: KeyStates,
    private readonly sender: MessageSender,
    private readonly events: EventLog,
    private readonly notifier: Notifier,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.notifier.subscribe(CHANNEL, () => {
      this.wake();
    });
    this.poller.start();
    this.abandonment.start();
    this.retention.start();
  }

  /** Claims nothing more, and waits for the attempts that are under way. */
  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    this.stopping.abort();
    await Promise.all([this.poller.stop(), this.abandonment.stop(), this.retention.stop()]);
    await Promise.all(this.running);
  }

  /** Calls back after each attempt of this replica. */
  onAttempt(observer: (attempt: Attempt) => void): void {
    this.observers.push(observer);
  }

  /** Endpoints of this replica whose circuit breaker is not closed. */
  get openCircuits(): number {
    return this.health.openCircuits;
  }

  /** There may be due deliveries. */
  wake(): void {
    this.poller.wake();
  }

  /** The same, to all replicas. */
  announce(): void {
    this.wake();
    this.notifier.notify(CHANNEL, '');
  }

  /** Removes the deliveries of removed webhooks soon. */
  forgetRemoved(): void {
    this.retention.wake();
  }

  /** Ends the deliveries of disabled webhooks soon. */
  endAbandoned(): void {
    this.abandonment.wake();
  }

  /** @returns whether there may be more */
  private async dispatch(): Promise<boolean> {
    const room = RUNNING_MAX - this.running.size;
    if (room <= 0) return false;
    const claimed = await this.deliveries.claim(room, this.health.load(), LEASE_SECONDS);
    if (claimed.length === 0) return false;
    const keys = await this.keys.of(claimed.map(keyIdOf));
    for (const one of claimed) this.start(one, keys.get(keyIdOf(one)));
    return claimed.length === room;
  }

  private start(claimed: ClaimedDelivery, key: KeyState | undefined): void {
    const recordUntil = AbortSignal.timeout(RECORD_MS_MAX);
    const attempt = this.attempt(claimed, key, recordUntil)
      .catch((error: unknown) => {
        // The claim expires, and the delivery is tried again.
        this.report(error, 'An attempt could not be recorded');
      })
      .finally(() => {
        this.running.delete(attempt);
        this.wake();
      });
    this.running.add(attempt);
  }

  private async attempt(claimed: ClaimedDelivery, key: KeyState | undefined, until: AbortSignal): Promise<void> {
    const why = whyNotSent(claimed, key?.rights ?? null);
    if (why !== null) return this.refuse(claimed, why, until);
    const { delivery, webhook, endpoint } = claimed;
    const sent = await this.health.run(
      endpoint,
      () => this.sender.send(this.messageOf(claimed, key)),
      ({ attempt }) => isHostUp(attempt),
    );
    for (const observe of this.observers) observe(sent.attempt);
    const asked = retryAfterMs(sent.retryAfter, sent.attempt.at);
    const next = consequenceOf(sent.attempt, delivery.attemptCount + 1, asked);
    const status = next.kind === 'delivered' ? 'delivered' : next.kind === 'retry' ? 'pending' : 'failed';
    const nextMs = next.kind === 'retry' ? next.afterMs : null;
    await this.persist(() => this.deliveries.record(delivery, sent.attempt, status, nextMs), until);
    if (webhook !== null) await this.persist(() => this.conclude(webhook, next), until);
  }

  private messageOf({ delivery, webhook }: ClaimedDelivery, key: KeyState | undefined): SignedMessage {
    const { messageId: id, body, callback, traceparent } = delivery;
    const url = webhook?.url ?? callback?.url ?? '';
    const secrets = webhook === null ? (key?.callbackSecrets ?? []) : secretsOf(webhook, this.clock.now());
    return { url, id, body, secrets, traceparent };
  }

  /** What was to be told may not be told any more. */
  private async refuse({ delivery, webhook }: ClaimedDelivery, error: string, until: AbortSignal): Promise<void> {
    const attempt = { at: this.clock.now(), status: null, latencyMs: 0, excerpt: null, error };
    await this.persist(() => this.deliveries.record(delivery, attempt, 'failed', null), until);
    if (webhook !== null && error === NOT_SENT.keyInvalid)
      await this.persist(() => this.disable(webhook, KEY_INVALID), until);
  }

  /** Tries again while the database is unavailable, at least once; not for long when the API stops. */
  private async persist(write: () => Promise<void>, until: AbortSignal): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const signal = AbortSignal.any([until, this.stopping.signal]);
      await retryWhileUnavailable(write, { signal, backoff: RECORD_BACKOFF });
    }
  }

  private async conclude(webhook: Webhook, { kind }: Consequence): Promise<void> {
    const isHealthy = kind === 'delivered';
    if (isHealthy && webhook.failingSince === null) return;
    const failingSince = await this.deliveries.noteHealth(webhook, isHealthy);
    const failingMs = failingSince === null ? 0 : this.clock.now().getTime() - failingSince.getTime();
    if (kind === 'gone') await this.disable(webhook, GONE);
    else if (failingMs >= FAILING_MS_MAX) await this.disable(webhook, FAILING);
  }

  private async disable(webhook: Webhook, reason: string): Promise<void> {
    await this.webhooks.disable(webhook, reason, async () => {
      this.logger.warn({ webhookId: webhook.id, reason }, 'A webhook was disabled');
      await this.events.add(webhookDisabled(webhook, reason));
    });
    this.endAbandoned();
  }

  private report(error: unknown, message: string): void {
    if (!(error instanceof Unavailable)) this.logger.error({ err: error }, message);
  }
}

function keyIdOf({ delivery, webhook, endpoint }: ClaimedDelivery): string {
  return webhook?.keyId ?? delivery.callback?.keyId ?? endpoint.keyId;
}

/** Rights can have changed since the message was made: those of the key, or what the webhook asks for and for whom. */
function whyNotSent({ delivery, webhook }: ClaimedDelivery, rights: KeyState['rights']): string | null {
  if (rights === null) return NOT_SENT.keyInvalid;
  const isTold = webhook === null ? mayRead(rights, delivery) : mayTell({ webhook, rights }, delivery);
  return isTold ? null : NOT_SENT.notReadable;
}
