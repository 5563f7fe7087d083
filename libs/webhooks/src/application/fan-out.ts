import { Clock, EventLog, type LoggedEvent, Poller, Unavailable } from '@app/kernel';
import { EventCursor } from '@app/events';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { messageOf } from '../domain/message.js';
import { isSubscribed, webhookDisabled } from '../domain/webhook.js';
import { DeliveryDispatcher } from './delivery-dispatcher.js';
import { DeliveryRepository } from './delivery.repository.js';
import { Links } from './links.js';
import { WebhookRepository } from './webhook.repository.js';
import { deliveryOf } from './webhooks.service.js';

const CURSOR = 'webhooks';
const BATCH = 200;
/** Hints wake the poller; this interval covers lost hints. */
const POLL_MS = 1_000;
const KEY_INVALID = 'Its key is no longer valid. Enable it with another key';

/**
 * Turns events into deliveries, each event once: the position in the log moves in the transaction that inserts the
 * deliveries.
 */
@Injectable()
export class FanOut implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(FanOut.name);
  private unsubscribe: (() => void) | undefined;
  private readonly poller = new Poller(
    () => this.round(),
    POLL_MS,
    (error) => {
      if (!(error instanceof Unavailable))
        this.logger.error({ err: error }, 'Events could not be fanned out to webhooks');
    },
  );

  constructor(
    private readonly log: EventLog,
    private readonly cursor: EventCursor,
    private readonly webhooks: WebhookRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly dispatcher: DeliveryDispatcher,
    private readonly links: Links,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.log.subscribe(() => {
      this.poller.wake();
    });
    this.poller.start();
  }

  async onApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    await this.poller.stop();
  }

  /** @returns whether there may be more */
  private async round(): Promise<boolean> {
    const read = await this.cursor.advance(CURSOR, BATCH, (events) => this.insert(events));
    if (read > 0) this.dispatcher.announce();
    return read > 0;
  }

  private async insert(events: readonly LoggedEvent[]): Promise<void> {
    const messages = events.flatMap((event) => messageOf(event, (path) => this.links.of(path)) ?? []);
    if (messages.length === 0) return;
    const subscriptions = await this.webhooks.subscriptions();
    for (const { webhook, rights } of subscriptions)
      if (rights === null)
        await this.webhooks.disable(webhook.id, KEY_INVALID, () => this.log.add(webhookDisabled(webhook, KEY_INVALID)));
    const now = this.clock.now();
    const due = messages.flatMap((message) =>
      subscriptions
        .filter((subscription) => isSubscribed(subscription, message))
        .map(({ webhook }) => deliveryOf(message, webhook, now)),
    );
    if (due.length > 0) await this.deliveries.insert(due);
  }
}
