import { type Callback, newId } from '@app/kernel';
import { type Delivery, callbackEndpoint } from '../domain/delivery.js';
import { type Message, bodyOf } from '../domain/message.js';

/** A message for a webhook, due immediately. */
export function deliveryOf(message: Message, webhookId: string, now: Date): Delivery {
  return toWebhooks(message, now)(webhookId);
}

/** The same for many webhooks: the body is made once. */
export function toWebhooks(message: Message, now: Date): (webhookId: string) => Delivery {
  const of = pending(message, now);
  return (webhookId) => ({ ...of, id: newId('dlv', now), endpointId: webhookId, callback: null });
}

/** The message about the end of a command for its callback. Its id is that of the command, with `dlv` for `cmd`. */
export function callbackDelivery(message: Message, { commandId, url, keyId }: Callback, now: Date): Delivery {
  const callback = { url, keyId };
  const id = commandId.replace(/^cmd/, 'dlv');
  return { ...pending(message, now), id, endpointId: callbackEndpoint(callback), callback };
}

function pending(message: Message, now: Date): Omit<Delivery, 'id' | 'endpointId' | 'callback'> {
  const { id, type, projectId, traceparent } = message;
  return {
    messageId: id,
    type,
    projectId,
    body: bodyOf(message),
    traceparent,
    status: 'pending',
    attemptCount: 0,
    pendingSince: now,
    nextAttemptAt: now,
    createdAt: now,
    endedAt: null,
  };
}
