import type { Page, PageRequest } from '@app/kernel';
import type { Attempt, Delivery, DeliveryStatus, Endpoint } from '../domain/delivery.js';
import type { Readable } from '../domain/message.js';
import type { Webhook } from '../domain/webhook.js';
import type { Load } from './endpoint-health.js';

/** A delivery whose next attempt is this replica's, for a while. */
export interface ClaimedDelivery {
  readonly delivery: Delivery;
  readonly endpoint: Endpoint;
  /** Null: it goes to a callback. */
  readonly webhook: Webhook | null;
}

/** What a claim is for: if it has expired, or the delivery was redelivered, what became of the attempt is old news. */
export type Claim = Pick<Delivery, 'id' | 'nextAttemptAt' | 'pendingSince'>;

/** Messages on their way, and every attempt to deliver them. */
export abstract class DeliveryRepository {
  abstract insert(deliveries: readonly Delivery[]): Promise<void>;
  /**
   * Claims deliveries that are due, within what each endpoint, origin and key has room for. Endpoints with the least
   * under way come first, then keys, then what has been due for longest. A claim expires by itself after
   * `leaseSeconds`: the replica may have died.
   */
  abstract claim(limit: number, load: Load, leaseSeconds: number): Promise<readonly ClaimedDelivery[]>;
  /**
   * Records an attempt and, if the claim still counts, what follows from it. `delivered` always counts. The same attempt
   * is recorded once.
   * @param nextMs until the next attempt; null: the delivery ends with the status
   */
  abstract record(claim: Claim, attempt: Attempt, status: DeliveryStatus, nextMs: number | null): Promise<void>;
  /**
   * Notes that an attempt of the webhook as it was succeeded, or failed.
   * @returns since when all have failed; null: they have not
   */
  abstract noteHealth(webhook: Pick<Webhook, 'id' | 'url'>, isHealthy: boolean): Promise<Date | null>;
  abstract findById(id: string): Promise<Delivery | null>;
  /** Oldest first. */
  abstract attempts(id: string): Promise<readonly Attempt[]>;
  /** Newest first; only what can be read. */
  abstract list(
    webhookId: string,
    status: DeliveryStatus | null,
    page: PageRequest,
    readable: Readable,
  ): Promise<Page<Delivery>>;
  /** Makes an ended delivery pending again, with all its attempts left. @returns whether it had ended */
  abstract redeliver(id: string): Promise<boolean>;
  /**
   * The same for those of a webhook that have failed and were created since then, the oldest first, as far as they can
   * be read by all.
   * @returns how many, at most `limit`
   */
  abstract recover(webhookId: string, since: Date, readable: readonly Readable[], limit: number): Promise<number>;
  /**
   * What is pending, counted up to `max`, and by how much the longest waiting attempt is overdue; of enabled webhooks
   * and callbacks.
   */
  abstract backlog(max: number): Promise<{ readonly pending: number; readonly lateSeconds: number }>;
  /** Ends abandoned deliveries of webhooks. @returns how many, at most `limit` */
  abstract endAbandoned(limit: number): Promise<number>;
  /** Removes deliveries of removed webhooks, with their attempts. @returns how many, at most `limit` */
  abstract forgetRemoved(limit: number): Promise<number>;
  /** Removes deliveries that ended so many days ago, with their attempts. @returns how many, at most `limit` */
  abstract forget(days: number, limit: number): Promise<number>;
}
