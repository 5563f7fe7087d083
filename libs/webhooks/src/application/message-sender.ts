import type { Attempt } from '../domain/delivery.js';

export interface SignedMessage {
  readonly url: string;
  /** The `webhook-id`. */
  readonly id: string;
  readonly body: string;
  /** The trace of what the message tells; null: none. */
  readonly traceparent: string | null;
  /** Each adds a signature. */
  readonly secrets: readonly string[];
}

/** What came of an attempt, and what the endpoint asked for. */
export interface Sent {
  readonly attempt: Attempt;
  /** The header `Retry-After`. */
  readonly retryAfter: string | undefined;
}

/** Sends messages. */
export abstract class MessageSender {
  /** One attempt; never throws. */
  abstract send(message: SignedMessage): Promise<Sent>;
  /** What is wrong with an address, in words that continue "url …"; null: nothing. */
  abstract whyNoTarget(url: string): string | null;
}
