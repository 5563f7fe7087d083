export { describeCallbacks, describeMessages } from './adapters/http/messages.openapi.js';
export { WebhooksModule } from './webhooks.module.js';
