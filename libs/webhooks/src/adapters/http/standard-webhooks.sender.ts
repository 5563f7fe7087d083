import { OutboundHttp, AddressRefused } from '@app/outbound-http';
import { Injectable } from '@nestjs/common';
import { Webhook as Signer } from 'standardwebhooks';
import { MessageSender, type Sent, type SignedMessage } from '../../application/message-sender.js';

const TIMEOUT_MS = 15_000;
const EXCERPT_BYTES = 1_024;

/** Sends messages as Standard Webhooks 1.0 describes. */
@Injectable()
export class StandardWebhooksSender implements MessageSender {
  constructor(private readonly http: OutboundHttp) {}

  whyNoTarget(url: string): string | null {
    return this.http.whyNoTarget(url);
  }

  async send({ url, id, body, secrets }: SignedMessage): Promise<Sent> {
    const at = new Date();
    const since = performance.now();
    const latencyMs = (): number => Math.round(performance.now() - since);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'rdev-webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': secrets.map((secret) => new Signer(secret).sign(id, at, body)).join(' '),
    };
    try {
      const response = await this.http.post({ url, headers, body, timeoutMs: TIMEOUT_MS, keptBytesMax: EXCERPT_BYTES });
      const retryAfter = response.headers['retry-after'];
      const excerpt = textOf(response.excerpt);
      return {
        attempt: { at, status: response.status, latencyMs: latencyMs(), excerpt, error: null },
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      };
    } catch (error) {
      const attempt = { at, status: null, latencyMs: latencyMs(), excerpt: null, error: whyUnanswered(error) };
      return { attempt, retryAfter: undefined };
    }
  }
}

/** PostgreSQL stores no NUL. */
function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', '\ufffd');
}

function whyUnanswered(error: unknown): string {
  if (error instanceof AddressRefused) return error.message;
  const { code, name, message } = error as Error & { code?: string };
  if (name === 'TimeoutError' || name === 'AbortError' || (code ?? '').includes('TIMEOUT'))
    return `There was no response within ${String(TIMEOUT_MS / 1_000)} s.`;
  return `The connection failed: ${code ?? message}`.slice(0, 500);
}
