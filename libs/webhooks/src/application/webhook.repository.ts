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
   * Disables it and abandons its pending deliveries, unless it is disabled already.
   * @param also what else belongs to the transaction
   */
  abstract disable(id: string, reason: string, also: () => Promise<void>): Promise<void>;
  /** Its deliveries are removed later: {@link DeliveryRepository.forgetRemoved}. */
  abstract remove(id: string): Promise<void>;
  abstract listEnabled(): Promise<readonly Webhook[]>;
}
