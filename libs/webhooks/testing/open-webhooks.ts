import type { Database } from '@app/database';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { EventCursor } from '@app/events';
import { type Caller, type LoggedEvent, type NewEvent, newId } from '@app/kernel';
import { InMemoryIdempotency, InMemoryNotifier, SystemClock } from '@app/kernel/testing';
import { PostgresCallbackRepository } from '../src/adapters/postgres/postgres-callback.repository.js';
import { PostgresDeliveryRepository } from '../src/adapters/postgres/postgres-delivery.repository.js';
import { PostgresWebhookRepository } from '../src/adapters/postgres/postgres-webhook.repository.js';
import { DeliveryDispatcher } from '../src/application/delivery-dispatcher.js';
import { FanOut } from '../src/application/fan-out.js';
import type { KeyState, KeyStates } from '../src/application/key-states.js';
import type { MessageSender, Sent, SignedMessage } from '../src/application/message-sender.js';
import { WebhooksService } from '../src/application/webhooks.service.js';
import type { Webhook } from '../src/domain/webhook.js';
import { aWebhook } from './a-webhook.js';

/** Events are read in the order in which they were added; each has the data that the test gives. */
export class ScriptedLog {
  readonly added: NewEvent[] = [];
  readonly events: LoggedEvent[] = [];
  isUnavailable: Error | null = null;

  append(...events: readonly Partial<LoggedEvent>[]): void {
    const actor = { keyId: null, ip: null, userAgent: null, requestId: null };
    for (const event of events)
      this.events.push({
        ...{ id: newId('evt'), seq: this.events.length + 1, at: new Date(), actor, outcome: 'succeeded' },
        ...{ type: 'command.started', projectId: 'web', target: newId('cmd'), data: {} },
        ...event,
      });
  }

  add(...events: readonly NewEvent[]): Promise<void> {
    this.added.push(...events);
    return Promise.resolve();
  }

  readAfter(seq: number, limit: number): Promise<readonly LoggedEvent[]> {
    return Promise.resolve(this.events.filter((event) => event.seq > seq).slice(0, limit));
  }

  lastSeq(): Promise<number> {
    return Promise.resolve(this.events.length);
  }

  subscribe(): () => void {
    return () => undefined;
  }
}

/** What endpoints respond is scripted. */
export class ScriptedSender implements MessageSender {
  readonly sent: SignedMessage[] = [];
  respond: (message: SignedMessage) => Promise<number | null> = () => Promise.resolve(204);

  async send(message: SignedMessage): Promise<Sent> {
    this.sent.push(message);
    const status = await this.respond(message);
    return { attempt: { at: new Date(), status, latencyMs: 1, excerpt: null, error: null }, retryAfter: undefined };
  }

  whyNoTarget(): null {
    return null;
  }
}

/** Each key has the rights that the test gives it; others do not exist. */
export class ScriptedKeys implements KeyStates {
  readonly rights = new Map<string, Pick<Caller, 'scopes' | 'projects'> | null>();

  of(keyIds: readonly string[]): Promise<ReadonlyMap<string, KeyState>> {
    const known = keyIds.filter((id) => this.rights.has(id));
    return Promise.resolve(
      new Map(known.map((id) => [id, { rights: this.rights.get(id) ?? null, callbackSecrets: ['whsec_'] }])),
    );
  }
}

export interface OpenWebhooks {
  readonly db: OpenTestDatabase;
  readonly log: ScriptedLog;
  readonly sender: ScriptedSender;
  readonly keys: ScriptedKeys;
  readonly webhooks: PostgresWebhookRepository;
  readonly deliveries: PostgresDeliveryRepository;
  readonly callbacks: PostgresCallbackRepository;
  readonly service: WebhooksService;
  readonly dispatcher: DeliveryDispatcher;
  readonly fanOut: FanOut;
  /** Inserts one. */
  subscribe(traits?: Partial<Webhook>): Promise<Webhook>;
  close(): Promise<void>;
}

/** All of webhooks on a database, with endpoints, keys and a log that the test scripts. Nothing has started. */
export async function openWebhooks(wrap = (database: Database): Database => database): Promise<OpenWebhooks> {
  const db = await openTestDatabase();
  await db.database.query(`UPDATE event_cursors SET seq = 0 WHERE name = 'webhooks'`);
  const database = wrap(db.database);
  const [log, sender, keys, clock] = [new ScriptedLog(), new ScriptedSender(), new ScriptedKeys(), new SystemClock()];
  const webhooks = new PostgresWebhookRepository(database);
  const deliveries = new PostgresDeliveryRepository(database);
  const callbacks = new PostgresCallbackRepository(database);
  const notifier = new InMemoryNotifier();
  const dispatcher = new DeliveryDispatcher(deliveries, webhooks, keys, sender, log, notifier, clock);
  const idempotency = new InMemoryIdempotency(database);
  const service = new WebhooksService(
    ...([webhooks, deliveries, keys, sender, dispatcher, database, idempotency, log, clock] as const),
  );
  const cursor = new EventCursor(database, log);
  const links = { of: (path: string) => path };
  const fanOut = new FanOut(log, cursor, webhooks, callbacks, keys, deliveries, dispatcher, links, clock);
  return {
    ...{ db, log, sender, keys, webhooks, deliveries, callbacks, service, dispatcher, fanOut },
    subscribe: async (traits = {}) => {
      const webhook = aWebhook(traits);
      await webhooks.insert(webhook);
      return webhook;
    },
    close: () => db.close(),
  };
}
