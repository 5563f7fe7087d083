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
  maySeeProject,
  newId,
} from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { Attempt, Delivery, DeliveryStatus } from '../domain/delivery.js';
import { canRead } from '../domain/message.js';
import { newWebhookSecret } from '../domain/secret.js';
import { DeliveryPending, SubscriptionExceedsRights, WebhookDisabled } from '../domain/webhook.errors.js';
import { type Webhook, type WebhookPatch, type WebhookSpec, webhookChanged } from '../domain/webhook.js';
import { DeliveryDispatcher } from './delivery-dispatcher.js';
import { DeliveryRepository } from './delivery.repository.js';
import { MessageSender } from './message-sender.js';
import { deliveryOf } from './new-delivery.js';
import { WebhookRepository } from './webhook.repository.js';

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
   * With anything but its description, the subscription has the rights of the caller's key from now on: they decide
   * what it may tell, and where. @throws as {@link create} and {@link get}
   */
  patch(id: string, patch: WebhookPatch, caller: Caller): Promise<Webhook> {
    return this.transactor.run(async () => {
      const webhook = visible(await this.webhooks.lock(id), id, caller);
      const { url, events, projects, description, enabled } = { ...webhook, ...given(patch) };
      const isOwn = Object.keys(given(patch)).some((field) => field !== 'description');
      const asked = { url, events, projects, description, enabled };
      const spec = isOwn ? this.admitted(asked, caller) : asked;
      const isRevived = enabled && !webhook.enabled;
      const patched = {
        ...webhook,
        ...spec,
        keyId: isOwn ? caller.keyId : webhook.keyId,
        disabledReason: enabled ? null : webhook.disabledReason,
        failingSince: isRevived ? null : webhook.failingSince,
        updatedAt: this.clock.now(),
      };
      await this.webhooks.update(patched);
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

  /** The former secret signs as well for the overlap. @throws {@link NotFound} */
  rotateSecret(id: string, overlapSeconds: number, caller: Caller): Promise<NewWebhook> {
    let isNew = false;
    return this.transactor.run(async () => {
      const { id: rotated } = await this.idempotency.once(async () => {
        isNew = true;
        const webhook = visible(await this.webhooks.lock(id), id, caller);
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
      const webhook = visible(await this.webhooks.lock(id), id, caller);
      if (!webhook.enabled) throw new WebhookDisabled(id);
      const now = this.clock.now();
      const message = { id: newId('evt', now), type: 'webhook.test', timestamp: now, projectId: null } as const;
      const delivery = deliveryOf({ ...message, data: { webhookId: id } }, id, now);
      await this.deliveries.insert([delivery]);
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
    return this.deliveries.list(id, status, page);
  }

  /** @throws {@link NotFound} */
  async delivery(id: string, caller: Caller): Promise<{ delivery: Delivery; attempts: readonly Attempt[] }> {
    const delivery = await this.visibleDelivery(id, caller);
    return { delivery, attempts: await this.deliveries.attempts(id) };
  }

  /** @throws {@link NotFound}, {@link WebhookDisabled} or {@link DeliveryPending} */
  async redeliver(id: string, caller: Caller): Promise<Delivery> {
    const { callback, endpointId } = await this.visibleDelivery(id, caller);
    if (callback === null && !(await this.get(endpointId, caller)).enabled) throw new WebhookDisabled(endpointId);
    if (!(await this.deliveries.redeliver(id))) throw new DeliveryPending(id);
    this.dispatcher.wake();
    return this.visibleDelivery(id, caller);
  }

  /** Redelivers what has failed since then. @returns how much; @throws {@link NotFound} or {@link WebhookDisabled} */
  async recover(id: string, since: Date, caller: Caller): Promise<number> {
    if (!(await this.get(id, caller)).enabled) throw new WebhookDisabled(id);
    const count = await this.deliveries.recover(id, since);
    this.dispatcher.wake();
    return count;
  }

  private async visibleDelivery(id: string, caller: Caller): Promise<Delivery> {
    const delivery = await this.deliveries.findById(id);
    if (delivery === null || !(await this.isVisible(delivery, caller))) throw new NotFound('delivery', id);
    return delivery;
  }

  private async isVisible({ callback, endpointId, projectId }: Delivery, caller: Caller): Promise<boolean> {
    if (callback !== null) return projectId !== null && maySeeProject(caller, projectId);
    const webhook = await this.webhooks.findById(endpointId);
    return webhook !== null && isWithin(webhook.projects, caller);
  }

  /** As the caller may have it: a key that is limited to projects subscribes to nothing else. */
  private admitted(spec: WebhookSpec, caller: Caller): WebhookSpec {
    const why = this.sender.whyNoTarget(spec.url);
    if (why !== null) throw new InvalidInput([{ pointer: '#/url', detail: why }]);
    const unreadable = spec.events.filter((glob) => !canRead(caller, glob));
    if (unreadable.length > 0) throw new SubscriptionExceedsRights(unreadable);
    const projects = spec.projects ?? caller.projects;
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
  return caller.projects === null || (projects?.every((glob) => maySeeProject(caller, glob)) ?? false);
}

function visible(webhook: Webhook | null, id: string, caller: Caller): Webhook {
  if (webhook === null || !isWithin(webhook.projects, caller)) throw new NotFound('webhook', id);
  return webhook;
}

function given(patch: WebhookPatch): Partial<WebhookSpec> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
}
