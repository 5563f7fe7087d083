import { newId } from '@app/kernel';
import type { Webhook } from '../src/domain/webhook.js';

/** Enabled, for everything, unless overridden. */
export function aWebhook(traits: Partial<Webhook> = {}): Webhook {
  return {
    id: newId('whk'),
    url: 'https://example.com/',
    events: ['*'],
    projects: null,
    description: null,
    enabled: true,
    disabledReason: null,
    keyId: 'key_none',
    secret: 'whsec_',
    formerSecret: null,
    formerSecretUntil: null,
    failingSince: null,
    createdAt: new Date(),
    updatedAt: new Date(),
    ...traits,
  };
}
