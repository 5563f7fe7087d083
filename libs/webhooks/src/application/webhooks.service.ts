import {
  type Caller,
  Clock,
  EventLog,
  Idempotency,
  InvalidInput,
  NotFound,
  type Page,
  type PageRequest,
  ResourceGone,
  Transactor,
  currentRequest,
  maySeeProject,
  newId,
} from '@app/kernel';
import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { Attempt, Delivery, DeliveryStatus } from '../domain/delivery.js';
import { TEST, canRead, mayRead, readableBy, readsAll } from '../domain/message.js';
import { newWebhookSecret } from '../domain/secret.js';
import {
  DeliveryPending,
  SecretExceedsRights,
  SubscriptionExceedsRights,
  WebhookDisabled,
} from '../domain/webhook.errors.js';
import {
  type Webhook,
  type WebhookPatch,
  type WebhookSpec,
  redelivered,
  tellableBy,
  typesOf,
  webhookChanged,
} from '../domain/webhook.js';
import { DeliveryDispatcher } from './delivery-dispatcher.js';
import { DeliveryRepository } from './delivery.repository.js';
import { KeyStates } from './key-states.js';
import { MessageSender } from './message-sender.js';
import { deliveryOf } from './new-delivery.js';
import { WebhookRepository } from './webhook.repository.js';

/** What the key of a webhook could read, if that is not known any more. */
const EVERYTHING = { scopes: ['admin'] } as const;
/** Redelivered at once: more takes several requests. */
export const RECOVERED_MAX = 10_000;

/** A subscription and its secret, which is shown once. */
export interface NewWebhook {
  readonly webhook: Webhook;
  /** Null: an earlier request created it, and showed the secret. */
  readonly secret: string | null;
}

/** Subscriptions and their deliveries, as one caller may see them. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly webhooks: WebhookRepository,
    private readonly deliveries: DeliveryRepository,
    private readonly keys: KeyStates,
    private readonly sender: MessageSender,
    private readonly dispatcher: DeliveryDispatcher,
    private readonly transactor: Transactor,
    private readonly idempotency: Idempotency,
    private readonly events: EventLog,
    private readonly clock: Clock,
  ) {}

  /** @throws {@link InvalidInput}, {@link SubscriptionExceedsRights} or {@link ResourceGone} */
  async create(spec: WebhookSpec, caller: Caller): Promise<NewWebhook> {
    const { id, replayOf } = await this.idempotency.once(async () => {
      const webhook = this.newWebhook(this.admitted(spec, caller), caller);
      await this.webhooks.insert(webhook);
      await this.events.add(webhookChanged('created', webhook.id));
      return webhook.id;
    });
    const webhook = await this.webhooks.findById(id);
    if (webhook === null) throw new ResourceGone('webhook', id);
    return { webhook, secret: replayOf === null ? webhook.secret : null };
  }

  /** Those for nothing but what the caller sees. */
  list(page: PageRequest, caller: Caller): Promise<Page<Webhook>> {
    return this.webhooks.list(page, caller.projects);
  }

  /** @throws {@link NotFound}, also if it is for projects that the caller does not see */
  async get(id: string, caller: Caller): Promise<Webhook> {
    return visible(await this.webhooks.findById(id), id, caller);
  }

  /**
   * If anything but its description changes, the subscription has the rights of the caller's key from now on: they decide
   * what it may tell, and where. @throws as {@link create} and {@link get}
   */
  patch(id: string, patch: WebhookPatch, caller: Caller): Promise<Webhook> {
    return this.transactor.run(async () => {
      const webhook = visible(await this.webhooks.lock(id), id, caller);
      const { url, events, projects, description, enabled } = { ...webhook, ...given(patch) };
      const asked = { url, events, projects, description, enabled };
      const isOwn = !isDeepStrictEqual({ ...asked, description: null }, { ...specOf(webhook), description: null });
      const spec = isOwn ? this.admitted(asked, caller) : asked;
      const isRevived = enabled && !webhook.enabled;
      const patched = {
        ...webhook,
        ...spec,
        keyId: isOwn ? caller.keyId : webhook.keyId,
        disabledReason: enabled ? null : webhook.disabledReason,
        failingSince: isRevived || url !== webhook.url ? null : webhook.failingSince,
        updatedAt: this.clock.now(),
      };
      await this.webhooks.update(patched);
      if (isRevived && webhook.disabledReason !== null) await this.abandonPending(id);
      await this.events.add(webhookChanged('updated', id));
      return patched;
    });
  }

  /** @throws {@link NotFound} */
  async remove(id: string, caller: Caller): Promise<void> {
    await this.transactor.run(async () => {
      visible(await this.webhooks.lock(id), id, caller);
      await this.webhooks.remove(id);
      await this.events.add(webhookChanged('deleted', id));
    });
    this.dispatcher.forgetRemoved();
  }

  /** What was inserted while it was disabled, too. */
  private async abandonPending(id: string): Promise<void> {
    await this.webhooks.abandonPending(id);
    this.transactor.afterCommit(() => {
      this.dispatcher.endAbandoned();
    });
  }

  /**
   * The former secret signs as well for the overlap. Receivers trust the secret in all that the webhook is told: another
   * key gets it only if it may read all that.
   * @throws {@link NotFound} or {@link SecretExceedsRights}
   */
  rotateSecret(id: string, overlapSeconds: number, caller: Caller): Promise<NewWebhook> {
    let isNew = false;
    return this.transactor.run(async () => {
      const { id: rotated } = await this.idempotency.once(async () => {
        isNew = true;
        const webhook = visible(await this.webhooks.lock(id), id, caller);
        await this.assertReadsAll(webhook, caller);
        const now = this.clock.now();
        await this.webhooks.update({
          ...webhook,
          secret: newWebhookSecret(),
          formerSecret: overlapSeconds === 0 ? null : webhook.secret,
          formerSecretUntil: overlapSeconds === 0 ? null : new Date(now.getTime() + overlapSeconds * 1_000),
          updatedAt: now,
        });
        await this.events.add(webhookChanged('secret_rotated', id));
        return id;
      });
      const webhook = visible(await this.webhooks.findById(rotated), id, caller);
      return { webhook, secret: isNew ? webhook.secret : null };
    });
  }

  /** Sends a message of the type `webhook.test`. @throws {@link NotFound} or {@link WebhookDisabled} */
  async test(id: string, caller: Caller): Promise<Delivery> {
    const { id: deliveryId } = await this.idempotency.once(async () => {
      await this.lockEnabled(id, caller);
      const now = this.clock.now();
      const message = { id: newId('evt', now), timestamp: now, projectId: null, data: { webhookId: id } };
      const traceparent = currentRequest()?.traceparent ?? null;
      const delivery = deliveryOf({ ...message, type: TEST, traceparent }, id, now);
      await this.deliveries.insert([delivery]);
      await this.events.add(webhookChanged('tested', id, { deliveryId: delivery.id }));
      return delivery.id;
    });
    this.dispatcher.wake();
    return this.delivery(deliveryId, caller).then(({ delivery }) => delivery);
  }

  /** @throws {@link NotFound} */
  async listDeliveries(
    id: string,
    status: DeliveryStatus | null,
    page: PageRequest,
    caller: Caller,
  ): Promise<Page<Delivery>> {
    await this.get(id, caller);
    return this.deliveries.list(id, status, page, readableBy(caller));
  }

  /** @throws {@link NotFound} */
  async delivery(id: string, caller: Caller): Promise<{ delivery: Delivery; attempts: readonly Attempt[] }> {
    const delivery = await this.visibleDelivery(id, caller);
    return { delivery, attempts: await this.deliveries.attempts(id) };
  }

  /** @throws {@link NotFound}, {@link WebhookDisabled} or {@link DeliveryPending} */
  async redeliver(id: string, caller: Caller): Promise<Delivery> {
    await this.idempotency.once(async () => {
      const delivery = await this.visibleDelivery(id, caller);
      const { callback, endpointId } = delivery;
      if (callback === null) await this.lockEnabled(endpointId, caller);
      if (!(await this.deliveries.redeliver(id))) throw new DeliveryPending(id);
      await this.events.add(redelivered(delivery));
      return id;
    });
    this.dispatcher.wake();
    return this.visibleDelivery(id, caller);
  }

  /**
   * Redelivers what has failed since then, as far as both the caller may read it and the webhook may be told it.
   * @returns how much, at most {@link RECOVERED_MAX}; @throws {@link NotFound} or {@link WebhookDisabled}
   */
  async recover(id: string, since: Date, caller: Caller): Promise<number> {
    const { id: count } = await this.idempotency.once(async () => {
      const webhook = await this.lockEnabled(id, caller);
      const rights = (await this.keys.of([webhook.keyId])).get(webhook.keyId)?.rights ?? { scopes: [], projects: [] };
      const readable = [readableBy(caller), tellableBy({ webhook, rights })];
      const recovered = await this.deliveries.recover(id, since, readable, RECOVERED_MAX);
      await this.events.add(webhookChanged('recovered', id, { since: since.toISOString(), recovered }));
      return String(recovered);
    });
    this.dispatcher.wake();
    return Number(count);
  }

  /** Keeps it enabled to the end of the transaction. */
  private async lockEnabled(id: string, caller: Caller): Promise<Webhook> {
    const webhook = visible(await this.webhooks.lock(id), id, caller);
    if (!webhook.enabled) throw new WebhookDisabled(id);
    return webhook;
  }

  private async visibleDelivery(id: string, caller: Caller): Promise<Delivery> {
    const delivery = await this.deliveries.findById(id);
    if (delivery === null || !(await this.isVisible(delivery, caller))) throw new NotFound('delivery', id);
    return delivery;
  }

  private async isVisible(delivery: Delivery, caller: Caller): Promise<boolean> {
    if (!mayRead(caller, delivery)) return false;
    if (delivery.callback !== null) return true;
    const webhook = await this.webhooks.findById(delivery.endpointId);
    return webhook !== null && isWithin(webhook.projects, caller);
  }

  /** What the webhook is told: its projects are the caller's, as it is visible. @throws {@link SecretExceedsRights} */
  private async assertReadsAll({ keyId, events }: Webhook, caller: Caller): Promise<void> {
    const rights = (await this.keys.of([keyId])).get(keyId)?.rights ?? EVERYTHING;
    if (!readsAll(caller, typesOf(events), rights)) throw new SecretExceedsRights();
  }

  /** As the caller may have it: a key that is limited to projects subscribes to nothing else. */
  private admitted(spec: WebhookSpec, caller: Caller): WebhookSpec {
    const why = this.sender.whyNoTarget(spec.url);
    if (why !== null) throw new InvalidInput([{ pointer: '#/url', detail: why }]);
    const unreadable = spec.events.filter((glob) => !canRead(caller, glob));
    if (unreadable.length > 0) throw new SubscriptionExceedsRights(unreadable);
    const projects = spec.projects ?? caller.projects;
    if (projects?.length === 0) throw new InvalidInput([{ pointer: '#/projects', detail: 'must name at least one' }]);
    if (!isWithin(projects, caller)) {
      const detail = `must be among the projects of the key: ${caller.projects?.join(', ') ?? ''}`;
      throw new InvalidInput([{ pointer: '#/projects', detail }]);
    }
    return { ...spec, projects };
  }

  private newWebhook(spec: WebhookSpec, caller: Caller): Webhook {
    const now = this.clock.now();
    return {
      ...spec,
      id: newId('whk', now),
      keyId: caller.keyId,
      secret: newWebhookSecret(),
      formerSecret: null,
      formerSecretUntil: null,
      disabledReason: null,
      failingSince: null,
      createdAt: now,
      updatedAt: now,
    };
  }
}

/** No project id contains `*`, so a glob of the caller that matches the glob as text matches all that it matches. */
function isWithin(projects: readonly string[] | null, caller: Pick<Caller, 'projects'>): boolean {
  if (caller.projects === null) return true;
  return projects !== null && projects.length > 0 && projects.every((glob) => maySeeProject(caller, glob));
}

function visible(webhook: Webhook | null, id: string, caller: Caller): Webhook {
  if (webhook === null || !isWithin(webhook.projects, caller)) throw new NotFound('webhook', id);
  return webhook;
}

function specOf({ url, events, projects, description, enabled }: Webhook): WebhookSpec {
  return { url, events, projects, description, enabled };
}

function given(patch: WebhookPatch): Partial<WebhookSpec> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}
