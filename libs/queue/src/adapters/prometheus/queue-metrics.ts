import { BeforeScrape } from '@app/metrics';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectMetric, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { QueueRepository } from '../../application/queue.repository.js';

const DEPTH = 'rdev_queue_depth';

export const queueMetrics = [
  makeGaugeProvider({ name: DEPTH, help: 'Queued commands, the same on all replicas', labelNames: ['priority'] }),
];

@Injectable()
export class QueueMetrics implements OnModuleInit {
  constructor(
    @InjectMetric(DEPTH) private readonly depth: Gauge,
    private readonly queues: QueueRepository,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  onModuleInit(): void {
    this.beforeScrape.add(async () => {
      // While the database is unavailable, no value is better than a stale one.
      this.depth.reset();
      for (const [priority, depth] of Object.entries(await this.queues.depths())) this.depth.set({ priority }, depth);
    });
  }
}
