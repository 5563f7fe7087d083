export { describeCallbacks, describeMessages } from './adapters/http/messages.openapi.js';
export { type WebhookBacklog, WebhookState } from './application/webhook-state.js';
export { WebhooksModule } from './webhooks.module.js';
