import { Clock, EventLog, type LoggedEvent, Poller, Unavailable } from '@app/kernel';
import { EventCursor } from '@app/events';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Delivery } from '../domain/delivery.js';
import { type Message, mayRead, messageOf } from '../domain/message.js';
import { type Subscription, isSubscribed, webhookDisabled } from '../domain/webhook.js';
import { CallbackRepository } from './callback.repository.js';
import { DeliveryDispatcher } from './delivery-dispatcher.js';
import { DeliveryRepository } from './delivery.repository.js';
import { KeyStates } from './key-states.js';
import { Links } from './links.js';
import { WebhookRepository } from './webhook.repository.js';
import { callbackDelivery, deliveryOf } from './new-delivery.js';

const CURSOR = 'webhooks';
const COMMAND_ENDED = 'command.ended';
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
    private readonly callbacks: CallbackRepository,
    private readonly keys: KeyStates,
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
    const due = [...(await this.ofWebhooks(events)), ...(await this.ofCallbacks(events))];
    if (due.length > 0) await this.deliveries.insert(due);
  }

  private async ofWebhooks(events: readonly LoggedEvent[]): Promise<readonly Delivery[]> {
    const messages = events.flatMap((event) => this.messageOf(event) ?? []);
    if (messages.length === 0) return [];
    const subscriptions = await this.subscriptions();
    const now = this.clock.now();
    return messages.flatMap((message) =>
      subscriptions
        .filter((subscription) => isSubscribed(subscription, message))
        .map(({ webhook }) => deliveryOf(message, webhook.id, now)),
    );
  }

  /** Disables the webhooks whose keys are no longer valid. */
  private async subscriptions(): Promise<readonly Subscription[]> {
    const webhooks = await this.webhooks.listEnabled();
    const keys = await this.keys.of(webhooks.map(({ keyId }) => keyId));
    const subscriptions: Subscription[] = [];
    for (const webhook of webhooks) {
      const rights = keys.get(webhook.keyId)?.rights ?? null;
      if (rights !== null) subscriptions.push({ webhook, rights });
      else
        await this.webhooks.disable(webhook.id, KEY_INVALID, () => this.log.add(webhookDisabled(webhook, KEY_INVALID)));
    }
    return subscriptions;
  }

  private async ofCallbacks(events: readonly LoggedEvent[]): Promise<readonly Delivery[]> {
    const endings = new Map(events.filter(({ type }) => type === COMMAND_ENDED).map((event) => [event.target, event]));
    if (endings.size === 0) return [];
    const callbacks = await this.callbacks.take([...endings.keys()]);
    const keys = await this.keys.of(callbacks.map(({ keyId }) => keyId));
    const now = this.clock.now();
    return callbacks.flatMap((callback) => {
      const event = endings.get(callback.commandId);
      const message = event === undefined ? null : this.messageOf(event);
      const rights = keys.get(callback.keyId)?.rights ?? null;
      return message !== null && rights !== null && mayRead(rights, message)
        ? [callbackDelivery(message, callback, now)]
        : [];
    });
  }

  private messageOf(event: LoggedEvent): Message | null {
    return messageOf(event, (path) => this.links.of(path));
  }
}
