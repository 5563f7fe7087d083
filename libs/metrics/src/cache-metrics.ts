import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';

const [LOOKUPS, ENTRIES] = ['rdev_cache_lookups_total', 'rdev_cache_entries'] as const;

export const cacheMetrics = [
  makeCounterProvider({
    name: LOOKUPS,
    help: 'Look-ups in a cache of this replica: hit, miss, or stale (what was seen last, which may be old)',
    labelNames: ['cache', 'result'],
  }),
  makeGaugeProvider({ name: ENTRIES, help: 'Entries in a cache of this replica', labelNames: ['cache'] }),
];

/** A cache as its metrics show it. */
export interface CacheView {
  readonly size: number;
  /** How many there have been, by result. */
  readonly lookups: Readonly<Record<string, number>>;
}

/** The caches of this replica. They count by themselves, so that a look-up costs an addition. */
@Injectable()
export class CacheMetrics implements OnModuleInit {
  private readonly caches = new Map<string, CacheView>();
  private readonly told = new Map<string, number>();

  constructor(
    @InjectMetric(LOOKUPS) private readonly lookups: Counter,
    @InjectMetric(ENTRIES) private readonly entries: Gauge,
    private readonly beforeScrape: BeforeScrape,
  ) {}

  add(name: string, cache: CacheView): void {
    this.caches.set(name, cache);
  }

  onModuleInit(): void {
    this.beforeScrape.add(() => {
      for (const [name, { size, lookups }] of this.caches) {
        this.entries.set({ cache: name }, size);
        for (const [result, count] of Object.entries(lookups)) this.tell(name, result, count);
      }
    });
  }

  private tell(cache: string, result: string, count: number): void {
    const name = `${cache} ${result}`;
    this.lookups.inc({ cache, result }, count - (this.told.get(name) ?? 0));
    this.told.set(name, count);
  }
}
