import { BeforeScrape } from '@app/metrics';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectMetric, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { EventBacklog, PENDING_MAX } from './event-backlog.js';

const [UNSEALED, AGE] = ['rdev_audit_unsealed', 'rdev_audit_unsealed_seconds'] as const;

export const eventMetrics = [
  makeGaugeProvider({
    name: UNSEALED,
    help: `Committed events that have no place in the log yet, counted up to ${String(PENDING_MAX)}, the same on all replicas`,
  }),
  makeGaugeProvider({ name: AGE, help: 'How long the oldest of them has waited, the same on all replicas' }),
];

@Injectable()
export class EventMetrics implements OnModuleInit {
  constructor(
    @InjectMetric(UNSEALED) private readonly unsealed: Gauge,
    @InjectMetric(AGE) private readonly age: Gauge,
    private readonly backlog: EventBacklog,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  onModuleInit(): void {
    this.beforeScrape.add(async () => {
      // While the database is unavailable, no value is better than a stale one.
      this.unsealed.remove();
      this.age.remove();
      const { pending, pendingSeconds } = await this.backlog.readPending();
      this.unsealed.set(pending);
      this.age.set(pendingSeconds);
    });
  }
}
