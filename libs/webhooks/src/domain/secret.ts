import { randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';
const BYTES = 32;

/** @see Standard Webhooks, section "Signature scheme" */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(BYTES).toString('base64');
}
