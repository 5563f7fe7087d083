import { BeforeScrape, durationBuckets, exemplarOf } from '@app/metrics';
import { recordedTraceId } from '@app/tracing';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  InjectMetric,
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
} from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { CommandHints, type CommandObserver, type CommandSummary } from '@app/commands';
import { RunningCommands } from '../../application/running-commands.js';

const [TOTAL, ACTIVE] = ['rdev_commands_total', 'rdev_commands_active'] as const;
const [DURATION, WAIT] = ['rdev_command_duration_seconds', 'rdev_queue_wait_seconds'] as const;

export const commandMetrics = [
  makeCounterProvider({ name: TOTAL, help: 'Commands that this replica ended', labelNames: ['type', 'status'] }),
  makeGaugeProvider({ name: ACTIVE, help: 'Commands that this replica runs' }),
  makeHistogramProvider({
    name: DURATION,
    help: 'How long commands ran that this replica ended',
    labelNames: ['type', 'status'],
    enableExemplars: true,
    buckets: durationBuckets,
  }),
  makeHistogramProvider({
    name: WAIT,
    help: 'How long commands were queued that this replica started',
    labelNames: ['priority'],
    buckets: durationBuckets,
  }),
];

@Injectable()
export class CommandMetrics implements CommandObserver, OnModuleInit {
  constructor(
    @InjectMetric(TOTAL) private readonly total: Counter,
    @InjectMetric(ACTIVE) private readonly active: Gauge,
    @InjectMetric(DURATION) private readonly duration: Histogram,
    @InjectMetric(WAIT) private readonly wait: Histogram,
    private readonly running: RunningCommands,
    private readonly hints: CommandHints,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  onModuleInit(): void {
    this.hints.observe(this);
    this.beforeScrape.add(() => {
      this.active.set(this.running.count);
    });
  }

  admitted({ priority, createdAt, admittedAt }: CommandSummary): void {
    if (admittedAt !== null) this.wait.observe({ priority }, (admittedAt.getTime() - createdAt.getTime()) / 1000);
  }

  ended({ type, status, result, traceparent }: CommandSummary): void {
    const labels = { type, status };
    this.total.inc(labels);
    const durationMs = result?.durationMs ?? null;
    const exemplarLabels = exemplarOf(recordedTraceId(traceparent));
    if (durationMs !== null) this.duration.observe({ labels, value: durationMs / 1000, exemplarLabels });
  }
}
