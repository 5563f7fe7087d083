import type { Page, PageRequest } from '@app/kernel';
import type { Webhook } from '../domain/webhook.js';

/** The subscriptions. */
export abstract class WebhookRepository {
  abstract insert(webhook: Webhook): Promise<void>;
  abstract findById(id: string): Promise<Webhook | null>;
  /** Locks the row to the end of the transaction. */
  abstract lock(id: string): Promise<Webhook | null>;
  /** Newest first. @param visible globs of projects: only subscriptions for nothing else; null: all */
  abstract list(page: PageRequest, visible: readonly string[] | null): Promise<Page<Webhook>>;
  abstract update(webhook: Webhook): Promise<void>;
  /**
   * Disables it and abandons its pending deliveries, unless it is disabled already, or has another URL or key now.
   * @param also what else belongs to the transaction
   */
  abstract disable(webhook: Webhook, reason: string, also: () => Promise<void>): Promise<void>;
  /** What is pending now is not sent any more; it ends later: {@link DeliveryRepository.endAbandoned}. */
  abstract abandonPending(id: string): Promise<void>;
  /** Its deliveries are removed later: {@link DeliveryRepository.forgetRemoved}. */
  abstract remove(id: string): Promise<void>;
  abstract listEnabled(): Promise<readonly Webhook[]>;
}
