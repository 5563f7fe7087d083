import { Clock, EventLog, Notifier, Poller, Unavailable } from '@app/kernel';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { type Attempt, type Consequence, consequenceOf, retryAfterMs } from '../domain/delivery.js';
import { FAILING_MS_MAX, type Webhook, secretsOf, webhookDisabled } from '../domain/webhook.js';
import { type ClaimedDelivery, DeliveryRepository } from './delivery.repository.js';
import { CONCURRENT_MAX, EndpointHealth } from './endpoint-health.js';
import { MessageSender, type Sent } from './message-sender.js';
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
    async () => (await this.deliveries.forget(RETENTION_DAYS, FORGET_AT_ONCE)) === FORGET_AT_ONCE,
    FORGET_POLL_MS,
    (error) => {
      this.report(error, 'Old deliveries could not be removed');
    },
  );

  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly webhooks: WebhookRepository,
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
    const { messageId: id, body, attemptCount } = delivery;
    const secrets = secretsOf(webhook, this.clock.now());
    const sent = await this.health.run(
      webhook.id,
      () => this.sender.send({ url: webhook.url, id, body, secrets }),
      ({ attempt }) => consequenceOf(attempt, 1, null).kind === 'delivered',
    );
    for (const observe of this.observers) observe(sent.attempt);
    const asked = retryAfterMs(sent.retryAfter, sent.attempt.at);
    await this.conclude(delivery.id, webhook, sent, consequenceOf(sent.attempt, attemptCount + 1, asked));
  }

  private async conclude(id: string, webhook: Webhook, { attempt }: Sent, next: Consequence): Promise<void> {
    const isHealthy = next.kind === 'delivered';
    const status = isHealthy ? 'delivered' : next.kind === 'retry' ? 'pending' : 'failed';
    await this.deliveries.record(id, attempt, status, next.kind === 'retry' ? next.afterMs : null);
    if (isHealthy && webhook.failingSince === null) return;
    const failingSince = await this.deliveries.noteHealth(webhook.id, isHealthy);
    const failingMs = failingSince === null ? 0 : this.clock.now().getTime() - failingSince.getTime();
    if (next.kind === 'gone') await this.webhooks.disable(webhook.id, GONE, () => this.disabled(webhook, GONE));
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
