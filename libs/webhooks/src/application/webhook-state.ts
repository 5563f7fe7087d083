import { Injectable } from '@nestjs/common';
import { DeliveryDispatcher } from './delivery-dispatcher.js';
import { DeliveryRepository } from './delivery.repository.js';

/** A longer queue is not counted: that would read all of it. */
export const PENDING_MAX = 10_000;

export interface WebhookBacklog {
  readonly pending: number;
  readonly lateSeconds: number;
  /** Endpoints of this replica that are left alone for a while, since their last attempts have failed. */
  readonly openCircuits: number;
}

/** What is still to be delivered. */
@Injectable()
export class WebhookState {
  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly dispatcher: DeliveryDispatcher,
  ) {}

  async read(): Promise<WebhookBacklog> {
    return { ...(await this.deliveries.backlog(PENDING_MAX)), openCircuits: this.openCircuits };
  }

  get openCircuits(): number {
    return this.dispatcher.openCircuits;
  }
}
