export { aWebhook } from './a-webhook.js';
export { type OpenWebhooks, openWebhooks } from './open-webhooks.js';
