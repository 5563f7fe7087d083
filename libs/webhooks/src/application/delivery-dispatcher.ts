import { Clock, EventLog, Notifier, Poller, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Attempt, type Consequence, consequenceOf, retryAfterMs } from '../domain/delivery.js';
import { FAILING_MS_MAX, type Webhook, secretsOf, webhookDisabled } from '../domain/webhook.js';
import { type ClaimedDelivery, DeliveryRepository } from './delivery.repository.js';
import { CONCURRENT_MAX, EndpointHealth } from './endpoint-health.js';
import { KeyStates } from './key-states.js';
import { MessageSender } from './message-sender.js';
import { WebhookRepository } from './webhook.repository.js';

/** The channel on which due deliveries are announced to the replicas. */
const CHANNEL = 'deliveries';
/** Concurrent attempts on this replica. */
const RUNNING_MAX = 64;
/** An attempt takes at most 15 s: a claim that is older belongs to a replica that died. */
const LEASE_SECONDS = 45;
/** Finds what is due by time, and covers lost hints. */
const POLL_MS = 1_000;
/** Ended deliveries are kept for 30 days. */
const RETENTION_DAYS = 30;
const FORGET_AT_ONCE = 1_000;
const FORGET_POLL_MS = 600_000;
const GONE = 'The endpoint responded 410 Gone';
const KEY_INVALID = 'It was not sent: the key of the command is no longer valid.';
const FAILING = 'Every attempt of the last 5 days has failed';

/** Sends the messages that are due. */
@Injectable()
export class DeliveryDispatcher implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DeliveryDispatcher.name);
  private readonly health = new EndpointHealth();
  private readonly running = new Set<Promise<void>>();
  private readonly observers: ((attempt: Attempt) => void)[] = [];
  private unsubscribe: (() => void) | undefined;
  private readonly poller = new Poller(
    () => this.dispatch(),
    POLL_MS,
    (error) => {
      this.report(error, 'Deliveries could not be claimed');
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
    this.retention.start();
  }

  /** Claims nothing more, and waits for the attempts that are under way. */
  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    await Promise.all([this.poller.stop(), this.retention.stop()]);
    await Promise.all(this.running);
  }

  /** Calls back after each attempt of this replica. */
  onAttempt(observer: (attempt: Attempt) => void): void {
    this.observers.push(observer);
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

  /** @returns whether there may be more */
  private async dispatch(): Promise<boolean> {
    const room = RUNNING_MAX - this.running.size;
    if (room <= 0) return false;
    const capacity = { slots: CONCURRENT_MAX, of: this.health.capacity() };
    const claimed = await this.deliveries.claim(room, capacity, LEASE_SECONDS);
    for (const one of claimed) this.start(one);
    return claimed.length === room;
  }

  private start(claimed: ClaimedDelivery): void {
    const attempt = this.attempt(claimed)
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

  private async attempt({ delivery, webhook }: ClaimedDelivery): Promise<void> {
    const { messageId: id, body, attemptCount, endpointId, callback } = delivery;
    const url = webhook?.url ?? callback?.url ?? '';
    const secrets =
      webhook === null ? await this.callbackSecrets(callback?.keyId) : secretsOf(webhook, this.clock.now());
    if (secrets.length === 0) return this.deliveries.record(delivery.id, this.unsigned(), 'failed', null);
    const sent = await this.health.run(
      endpointId,
      () => this.sender.send({ url, id, body, secrets }),
      ({ attempt }) => consequenceOf(attempt, 1, null).kind === 'delivered',
    );
    for (const observe of this.observers) observe(sent.attempt);
    const asked = retryAfterMs(sent.retryAfter, sent.attempt.at);
    const next = consequenceOf(sent.attempt, attemptCount + 1, asked);
    const status = next.kind === 'delivered' ? 'delivered' : next.kind === 'retry' ? 'pending' : 'failed';
    await this.deliveries.record(delivery.id, sent.attempt, status, next.kind === 'retry' ? next.afterMs : null);
    if (webhook !== null) await this.conclude(webhook, next);
  }

  /** None, if neither the key nor a successor is valid. */
  private async callbackSecrets(keyId = ''): Promise<readonly string[]> {
    const state = (await this.keys.of([keyId])).get(keyId);
    return state === undefined || state.rights === null ? [] : state.callbackSecrets;
  }

  private unsigned(): Attempt {
    return { at: this.clock.now(), status: null, latencyMs: 0, excerpt: null, error: KEY_INVALID };
  }

  private async conclude(webhook: Webhook, { kind }: Consequence): Promise<void> {
    const isHealthy = kind === 'delivered';
    if (isHealthy && webhook.failingSince === null) return;
    const failingSince = await this.deliveries.noteHealth(webhook.id, isHealthy);
    const failingMs = failingSince === null ? 0 : this.clock.now().getTime() - failingSince.getTime();
    if (kind === 'gone') await this.webhooks.disable(webhook.id, GONE, () => this.disabled(webhook, GONE));
    else if (failingMs >= FAILING_MS_MAX)
      await this.webhooks.disable(webhook.id, FAILING, () => this.disabled(webhook, FAILING));
  }

  private async disabled(webhook: Webhook, reason: string): Promise<void> {
    this.logger.warn({ webhookId: webhook.id, reason }, 'A webhook was disabled');
    await this.events.add(webhookDisabled(webhook, reason));
  }

  private report(error: unknown, message: string): void {
    if (!(error instanceof Unavailable)) this.logger.error({ err: error }, message);
  }
}
