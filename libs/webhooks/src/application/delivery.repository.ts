import type { Page, PageRequest } from '@app/kernel';
import type { Attempt, Delivery, DeliveryStatus } from '../domain/delivery.js';
import type { Webhook } from '../domain/webhook.js';

/** A delivery whose next attempt is this replica's, for a while. */
export interface ClaimedDelivery {
  readonly delivery: Delivery;
  /** Null: it goes to a callback. */
  readonly webhook: Webhook | null;
}

/** How many more deliveries of an endpoint this replica takes; endpoints that are not listed have `slots`. */
export interface Capacity {
  readonly slots: number;
  readonly of: ReadonlyMap<string, number>;
}

/** Messages on their way, and every attempt to deliver them. */
export abstract class DeliveryRepository {
  abstract insert(deliveries: readonly Delivery[]): Promise<void>;
  /**
   * Claims deliveries that are due, of each endpoint no more than it has capacity for. A claim expires by itself after
   * `leaseSeconds`: the replica may have died.
   */
  abstract claim(limit: number, capacity: Capacity, leaseSeconds: number): Promise<readonly ClaimedDelivery[]>;
  /**
   * Records an attempt and what follows from it.
   * @param nextMs until the next attempt; null: the delivery ends with the status
   */
  abstract record(id: string, attempt: Attempt, status: DeliveryStatus, nextMs: number | null): Promise<void>;
  /** Notes that the endpoint responded as it should, or did not. @returns since when it has failed; null: it has not */
  abstract noteHealth(webhookId: string, isHealthy: boolean): Promise<Date | null>;
  abstract findById(id: string): Promise<Delivery | null>;
  /** Oldest first. */
  abstract attempts(id: string): Promise<readonly Attempt[]>;
  /** Newest first. */
  abstract list(webhookId: string, status: DeliveryStatus | null, page: PageRequest): Promise<Page<Delivery>>;
  /** Makes an ended delivery pending again, with all its attempts left. @returns whether it had ended */
  abstract redeliver(id: string): Promise<boolean>;
  /** The same for all of a subscription that have failed and were created since then. @returns how many */
  abstract recover(webhookId: string, since: Date): Promise<number>;
  /** What is pending, and by how much the longest waiting attempt of an enabled webhook is overdue. */
  abstract backlog(): Promise<{ readonly pending: number; readonly lateSeconds: number }>;
  /** Removes deliveries of removed webhooks, with their attempts. @returns how many, at most `limit` */
  abstract forgetRemoved(limit: number): Promise<number>;
  /** Removes deliveries that ended so many days ago, with their attempts. @returns how many, at most `limit` */
  abstract forget(days: number, limit: number): Promise<number>;
}
