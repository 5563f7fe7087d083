import { BeforeScrape } from '@app/metrics';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { DeliveryDispatcher } from '../../application/delivery-dispatcher.js';
import { PENDING_MAX, WebhookState } from '../../application/webhook-state.js';

const PENDING = 'rdev_webhook_deliveries_pending';
const LATE = 'rdev_webhook_delivery_late_seconds';
const ATTEMPTS = 'rdev_webhook_attempts_total';
const OPEN = 'rdev_webhook_circuits_open';
const DURATION = 'rdev_webhook_attempt_duration_seconds';

export const webhookMetrics = [
  makeGaugeProvider({
    name: PENDING,
    help: `Deliveries to enabled webhooks and callbacks that are pending, counted up to ${String(PENDING_MAX)}, the same on all replicas`,
  }),
  makeGaugeProvider({
    name: LATE,
    help: 'How long the longest waiting attempt of an enabled webhook or callback is overdue, the same on all replicas',
  }),
  makeGaugeProvider({
    name: OPEN,
    help: 'Hosts, for each key, that this replica leaves alone for a while since their last attempts have failed',
  }),
  makeCounterProvider({
    name: ATTEMPTS,
    help: 'Attempts to deliver a message, by result: delivered, refused (a response other than 2xx) or unanswered',
    labelNames: ['result'],
  }),
  makeHistogramProvider({
    name: DURATION,
    help: 'Duration of attempts to deliver a message',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 15],
  }),
];

@Injectable()
export class WebhookMetrics implements OnModuleInit {
  constructor(
    @InjectMetric(PENDING) private readonly pending: Gauge,
    @InjectMetric(LATE) private readonly late: Gauge,
    @InjectMetric(OPEN) private readonly open: Gauge,
    @InjectMetric(ATTEMPTS) private readonly attempts: Counter,
    @InjectMetric(DURATION) private readonly duration: Histogram,
    private readonly state: WebhookState,
    private readonly dispatcher: DeliveryDispatcher,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  onModuleInit(): void {
    this.dispatcher.onAttempt(({ status, latencyMs }) => {
      const isDelivered = status !== null && status >= 200 && status < 300;
      this.attempts.inc({ result: status === null ? 'unanswered' : isDelivered ? 'delivered' : 'refused' });
      this.duration.observe(latencyMs / 1_000);
    });
    this.beforeScrape.add(async () => {
      this.open.set(this.state.openCircuits);
      // While the database is unavailable, no value is better than a stale one. `reset` would set it to 0.
      this.pending.remove();
      this.late.remove();
      const { pending, lateSeconds } = await this.state.read();
      this.pending.set(pending);
      this.late.set(lateSeconds);
    });
  }
}
