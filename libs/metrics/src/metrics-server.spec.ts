import { type AddressInfo, createServer } from 'node:net';
import { Logger } from '@nestjs/common';
import { Counter, Gauge, Histogram, register } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';
import { MetricsServer } from './metrics-server.js';

describe('MetricsServer', () => {
  let beforeScrape: BeforeScrape;
  let server: MetricsServer;
  let base: string;

  beforeEach(async () => {
    // Its log contains the port.
    const log = jest.spyOn(Logger.prototype, 'log').mockImplementation();
    jest.spyOn(Logger.prototype, 'error').mockImplementation();
    beforeScrape = new BeforeScrape();
    server = new MetricsServer({ host: '127.0.0.1', port: 0 }, beforeScrape);
    await server.onApplicationBootstrap();
    base = `http://127.0.0.1:${(log.mock.calls[0]![0] as { port: number }).port}`;
  });
  afterEach(() => {
    server.onApplicationShutdown();
    register.clear();
    jest.restoreAllMocks();
  });

  it('serves the current metrics for Prometheus', async () => {
    const gauge = new Gauge({ name: 'things', help: 'Things' });
    let things = 1;
    beforeScrape.add(async () => {
      await Promise.resolve();
      gauge.set(things++);
    });
    const response = await fetch(`${base}/metrics?name=any`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toContain('things 1\n');
    expect(await (await fetch(`${base}/metrics`)).text()).toContain('things 2\n');
  });

  it('serves OpenMetrics if it is asked for, with exemplars, and changes no name by that', async () => {
    new Counter({ name: 'jobs_total', help: 'Jobs' }).inc();
    const took = new Histogram({ name: 'took_seconds', help: 'Took', buckets: [1], enableExemplars: true });
    took.observe({ value: 0.5, exemplarLabels: { trace_id: 'abc' } });
    const accept = 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2';
    const open = await fetch(`${base}/metrics`, { headers: { accept } });
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text; version=1.0.0');
    const text = await open.text();
    expect(text).toContain('# TYPE jobs counter\njobs_total 1\n');
    expect(text).toMatch(/^took_seconds_bucket\{le="1"\} 1 # \{trace_id="abc"\} 0\.5 /m);
    expect(text).toMatch(/\n# EOF\n$/);
    const plain = await (await fetch(`${base}/metrics`)).text();
    expect(plain).toContain('# TYPE jobs_total counter\njobs_total 1\n');
    expect(plain).not.toContain('trace_id');
  });

  it.each([
    ['text/plain;q=0.2, application/openmetrics-text;version=0.0.1;q=0.1, application/openmetrics-text;q=0.6', true],
    ['application/openmetrics-text, text/plain', true],
    ['application/openmetrics-text;q=0', false],
    ['text/plain; q=1, application/openmetrics-text; q=0.5', false],
    ['*/*', false],
  ])('serves the format that is preferred: %s', async (accept, isOpen) => {
    const response = await fetch(`${base}/metrics`, { headers: { accept } });
    expect(response.headers.get('content-type')?.startsWith('application/openmetrics-text')).toBe(isOpen);
  });

  it('serves the rest if a job fails', async () => {
    new Gauge({ name: 'known', help: 'Known' }).set(5);
    const lost = new Gauge({ name: 'lost', help: 'Lost', labelNames: ['of'] });
    lost.set({ of: 'before' }, 7);
    beforeScrape.add(() => {
      lost.reset();
      throw new Error('It is unavailable.');
    });
    beforeScrape.add(() => Promise.reject(new Error('It is away, too.')));
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toContain('known 5\n');
    expect(text).not.toContain('lost{');
  });

  it('responds with 500 and an empty body if the metrics cannot be written', async () => {
    new Gauge({
      name: 'broken',
      help: 'Broken',
      collect: () => {
        throw new Error('secret words');
      },
    });
    const response = await fetch(`${base}/metrics`);
    expect([response.status, await response.text()]).toEqual([500, '']);
  });

  it('has the request timeouts of the API, so that incomplete requests hold no connections', () => {
    expect((server as unknown as { server: unknown }).server).toMatchObject({
      headersTimeout: 10_000,
      requestTimeout: 60_000,
    });
  });

  it('serves nothing else', async () => {
    for (const [path, method] of [
      ['/', 'GET'],
      ['/metrics/x', 'GET'],
      ['/metrics', 'POST'],
      ['/metricsx', 'GET'],
    ])
      // prettier-ignore
      expect((await fetch(base + path!, { method: method! })).status).toBe(404);
  });

  it('fails to start if its port is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const second = new MetricsServer({ host: '127.0.0.1', port }, beforeScrape);
    await expect(second.onApplicationBootstrap()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    other.close();
  });
});
