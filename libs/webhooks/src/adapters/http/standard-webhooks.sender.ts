import { Clock } from '@app/kernel';
import { AddressRefused, NameUnresolved, OutboundHttp, OutboundTimeout, ProxyFailed } from '@app/outbound-http';
import { currentTraceparent, tracedBelow } from '@app/tracing';
import { Injectable, Logger } from '@nestjs/common';
import { SpanStatusCode } from '@opentelemetry/api';
import { Webhook as Signer } from 'standardwebhooks';
import { MessageSender, type Sent, type SignedMessage } from '../../application/message-sender.js';

const TIMEOUT_MS = 15_000;
const EXCERPT_BYTES = 1_024;

/** Sends messages as Standard Webhooks 1.0 describes. */
@Injectable()
export class StandardWebhooksSender implements MessageSender {
  private readonly logger = new Logger(StandardWebhooksSender.name);

  constructor(
    private readonly http: OutboundHttp,
    private readonly clock: Clock,
  ) {}

  whyNoTarget(url: string): string | null {
    // The URL parser drops or encodes them: the URL would lead elsewhere than its text seems to say.
    if (/[\s\p{Cc}]/u.test(url)) return 'must not contain spaces or control characters';
    return this.http.whyNoTarget(url);
  }

  send(message: SignedMessage): Promise<Sent> {
    const attributes = {
      'http.request.method': 'POST',
      'server.address': hostOf(message.url),
      'rdev.message.id': message.id,
    };
    return tracedBelow(message.traceparent, 'POST webhook', attributes, async (span) => {
      const sent = await this.attempt(message);
      const { status, error } = sent.attempt;
      if (status !== null) span?.setAttribute('http.response.status_code', status);
      if (error !== null || (status ?? 0) >= 400) span?.setStatus({ code: SpanStatusCode.ERROR });
      return sent;
    });
  }

  private async attempt({ url, id, body, secrets, traceparent }: SignedMessage): Promise<Sent> {
    // Receivers refuse a time that differs from theirs by minutes, and the clock of a replica may be wrong.
    const at = this.clock.now();
    const trace = currentTraceparent() ?? traceparent;
    const since = performance.now();
    const latencyMs = (): number => Math.round(performance.now() - since);
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'rdev-webhooks/1',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      ...(trace !== null && { traceparent: trace }),
      'webhook-signature': secrets.map((secret) => new Signer(secret).sign(id, at, body)).join(' '),
    };
    try {
      const response = await this.http.post({ url, headers, body, timeoutMs: TIMEOUT_MS, keptBytesMax: EXCERPT_BYTES });
      const excerpt = textOf(response.excerpt);
      return {
        attempt: { at, status: response.status, latencyMs: latencyMs(), excerpt, error: null },
        retryAfter: response.headers['retry-after'],
      };
    } catch (error) {
      if (error instanceof AddressRefused) this.report(error, id);
      const attempt = { at, status: null, latencyMs: latencyMs(), excerpt: null, error: whyUnanswered(error) };
      return { attempt, retryAfter: undefined };
    }
  }

  /** The addresses are for the operator: a key that reads deliveries must not learn what internal names resolve to. */
  private report({ hostname, addresses }: AddressRefused, messageId: string): void {
    this.logger.warn({ messageId, hostname, addresses }, 'The target of a webhook was refused');
  }
}

/** PostgreSQL stores no NUL. */
function textOf(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', '\ufffd');
}

/** Errors of Node say more in their messages than clients may know, such as addresses; their codes do not. */
function whyUnanswered(error: unknown): string {
  const isOurs = [AddressRefused, NameUnresolved, OutboundTimeout, ProxyFailed].some((kind) => error instanceof kind);
  const { code, name, message } = error as Error & { code?: string };
  return isOurs ? message.slice(0, 500) : `The connection failed: ${code ?? name}`;
}

function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? '';
}
