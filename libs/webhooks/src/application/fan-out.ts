import { Clock, EventLog, type LoggedEvent, Poller, Unavailable } from '@app/kernel';
import { setImmediate } from 'node:timers/promises';
import { EventCursor } from '@app/events';
import { contextOfObject } from '@app/tracing';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { Delivery } from '../domain/delivery.js';
import { type Message, bodyOf, mayRead, messageOf } from '../domain/message.js';
import { type Subscription, isSubscribed, webhookDisabled } from '../domain/webhook.js';
import { CallbackRepository } from './callback.repository.js';
import { DeliveryDispatcher, KEY_INVALID } from './delivery-dispatcher.js';
import { DeliveryRepository } from './delivery.repository.js';
import { KeyStates } from './key-states.js';
import { Links } from './links.js';
import { WebhookRepository } from './webhook.repository.js';
import { callbackDelivery, toWebhooks } from './new-delivery.js';

const CURSOR = 'webhooks';
const COMMAND_ENDED = 'command.ended';
const BATCH = 200;
/** Deliveries of one transaction, but for those of its last event, and of one statement. */
const PER_ROUND = 10_000;
const PER_STATEMENT = 1_000;
/** Hints wake the poller; this interval covers lost hints. */
const POLL_MS = 1_000;

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

  /** @returns how many of the events */
  private async insert(events: readonly LoggedEvent[]): Promise<number> {
    const messages = events.map((event) => this.messageOf(event));
    const hasMessages = messages.some((message) => message !== null);
    const count = hasMessages ? await this.toWebhooks(messages, await this.subscriptions()) : events.length;
    const due = await this.ofCallbacks(events.slice(0, count), messages);
    if (due.length > 0) await this.deliveries.insert(due);
    return count;
  }

  /** @returns how many of the messages */
  private async toWebhooks(messages: readonly (Message | null)[], subscriptions: readonly Subscription[]) {
    let [count, inserted, due] = [0, 0, [] as Delivery[]];
    const flush = async (): Promise<void> => {
      if (due.length > 0) await this.deliveries.insert(due);
      inserted += due.length;
      due = [];
    };
    for (const message of messages) {
      if (inserted + due.length >= PER_ROUND) break;
      for (const delivery of message === null ? [] : this.deliveriesOf(message, subscriptions)) {
        due.push(delivery);
        if (due.length === PER_STATEMENT) await flush();
      }
      count++;
      // Requests have their turn between the events.
      await setImmediate();
    }
    await flush();
    return count;
  }

  private *deliveriesOf(message: Message, subscriptions: readonly Subscription[]): Generator<Delivery> {
    const deliveryTo = toWebhooks(message, this.clock.now());
    for (const subscription of subscriptions)
      if (isSubscribed(subscription, message)) yield deliveryTo(subscription.webhook.id);
  }

  /** Disables the webhooks whose keys are no longer valid. */
  private async subscriptions(): Promise<readonly Subscription[]> {
    const webhooks = await this.webhooks.listEnabled();
    const keys = await this.keys.of(webhooks.map(({ keyId }) => keyId));
    const subscriptions: Subscription[] = [];
    for (const webhook of webhooks) {
      const rights = keys.get(webhook.keyId)?.rights ?? null;
      if (rights !== null) subscriptions.push({ webhook, rights });
      else await this.webhooks.disable(webhook, KEY_INVALID, () => this.log.add(webhookDisabled(webhook, KEY_INVALID)));
    }
    return subscriptions;
  }

  private async ofCallbacks(
    events: readonly LoggedEvent[],
    messages: readonly (Message | null)[],
  ): Promise<readonly Delivery[]> {
    const endings = new Map(
      events.flatMap(({ type, target }, i): [string, Message | null][] =>
        type === COMMAND_ENDED ? [[target, messages[i] ?? null]] : [],
      ),
    );
    if (endings.size === 0) return [];
    const callbacks = await this.callbacks.take([...endings.keys()]);
    const keys = await this.keys.of(callbacks.map(({ keyId }) => keyId));
    const now = this.clock.now();
    return callbacks.flatMap((callback) => {
      const message = endings.get(callback.commandId) ?? null;
      const rights = keys.get(callback.keyId)?.rights ?? null;
      return message !== null && rights !== null && mayRead(rights, message)
        ? [callbackDelivery(message, callback, now)]
        : [];
    });
  }

  /** An event of which no message can be made must not hold up the others. */
  private messageOf(event: LoggedEvent): Message | null {
    try {
      const message = messageOf(event, (path) => this.links.of(path));
      if (message === null) return null;
      bodyOf(message);
      return { ...message, traceparent: traceOf(event, message) };
    } catch (error) {
      this.logger.error({ err: error, eventId: event.id }, 'An event could not be turned into a message');
      return null;
    }
  }
}

/** A command has a span of its own, of which what is told about it is a part. */
function traceOf({ type, target }: LoggedEvent, { traceparent }: Message): string | null {
  return type.startsWith('command.') ? contextOfObject(traceparent, target) : traceparent;
}
