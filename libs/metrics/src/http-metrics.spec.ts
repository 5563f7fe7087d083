import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';
import { HttpMetrics } from './http-metrics.js';

const labelNames = ['method', 'route', 'status'];

describe('HttpMetrics', () => {
  let registry: Registry;
  let metrics: HttpMetrics;
  let beforeScrape: BeforeScrape;

  beforeEach(() => {
    const openMetrics = new Registry<OpenMetricsContentType>();
    openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    registry = openMetrics as unknown as Registry;
    const common = { help: 'x', registers: [registry] };
    beforeScrape = new BeforeScrape();
    metrics = new HttpMetrics(
      new Counter({ ...common, name: 'total', labelNames }),
      new Histogram({ ...common, name: 'duration', labelNames, enableExemplars: true }),
      new Gauge({ ...common, name: 'streams' }),
      beforeScrape,
    );
    metrics.onModuleInit();
  });

  function answer(method: string, path: unknown, status = 200, contentType?: string): void {
    const response = Object.assign(new EventEmitter(), { statusCode: status, getHeader: () => contentType });
    const request = { method, ...(path !== undefined && { route: { path } }) };
    let passed = 0;
    metrics.middleware(request as unknown as Request, response as unknown as Response, () => passed++);
    expect(passed).toBe(1);
    response.emit('close');
  }
  const text = (): Promise<string> => registry.metrics();

  it('counts requests by route template, including those without a route', async () => {
    answer('GET', '/v1/commands/:id');
    answer('GET', '/v1/commands/:id');
    answer('GET', undefined, 404);
    answer('GET', '/{*path}', 404);
    const found = await text();
    expect(found).toContain('total{method="GET",route="/v1/commands/:id",status="200"} 2');
    expect(found).toContain('total{method="GET",route="none",status="404"} 2');
    expect(found).toContain('duration_count{method="GET",route="/v1/commands/:id",status="200"} 2');
  });

  it('has one label for all unknown methods', async () => {
    for (const method of ['PROPFIND', 'get', 'X'.repeat(100)]) answer(method, undefined, 404);
    expect(await text()).toContain('total{method="other",route="none",status="404"} 3');
    expect(await text()).not.toContain('PROPFIND');
  });

  it('counts a stream, but not its duration', async () => {
    answer('GET', '/v1/events', 200, 'text/event-stream; charset=utf-8');
    expect(await text()).toContain('total{method="GET",route="/v1/events",status="200"} 1');
    expect(await text()).not.toContain('duration_count{method="GET",route="/v1/events"');
  });

  it('reports the number of open streams when scraped', async () => {
    await beforeScrape.run();
    expect(await text()).toMatch(/^streams 0$/m);
  });
});
