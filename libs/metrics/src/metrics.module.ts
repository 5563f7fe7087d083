import { Circuits } from '@app/resilience';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { BeforeScrape } from './before-scrape.js';
import { CacheMetrics, cacheMetrics } from './cache-metrics.js';
import { CircuitMetrics, circuitMetrics } from './circuit-metrics.js';
import { DatabaseMetrics, databaseMetrics } from './database-metrics.js';
import { HttpMetrics, httpMetrics } from './http-metrics.js';
import { MetricsAddress } from './metrics-address.js';
import { MetricsServer } from './metrics-server.js';

export type { MetricsAddress } from './metrics-address.js';

/**
 * Prometheus metrics. Features declare their own, and use {@link BeforeScrape} for values that are read on demand.
 */
@Global()
@Module({})
export class MetricsModule {
  static with(address: MetricsAddress): DynamicModule {
    return {
      module: MetricsModule,
      // Without its controller, which would serve them on the port of the API.
      imports: [{ ...PrometheusModule.register(), controllers: [] }],
      providers: [
        BeforeScrape,
        CacheMetrics,
        ...cacheMetrics,
        Circuits,
        CircuitMetrics,
        ...circuitMetrics,
        DatabaseMetrics,
        ...databaseMetrics,
        HttpMetrics,
        MetricsServer,
        ...httpMetrics,
        { provide: MetricsAddress, useValue: address },
      ],
      exports: [BeforeScrape, CacheMetrics, Circuits, HttpMetrics, MetricsServer],
    };
  }
}
