import { type AddressInfo, createServer } from 'node:net';
import { Logger } from '@nestjs/common';
import { Gauge, register } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';
import { MetricsServer } from './metrics-server.js';

describe('MetricsServer', () => {
  let beforeScrape: BeforeScrape;
  let server: MetricsServer;
  let base: string;

  beforeEach(async () => {
    // Its log says which port it took.
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

  it('answers what Prometheus reads, as it is at that moment', async () => {
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

  it('answers the rest when something cannot be looked up', async () => {
    new Gauge({ name: 'known', help: 'Known' }).set(5);
    const lost = new Gauge({ name: 'lost', help: 'Lost', labelNames: ['of'] });
    lost.set({ of: 'before' }, 7);
    beforeScrape.add(() => {
      lost.reset();
      throw new Error('It is away.');
    });
    beforeScrape.add(() => Promise.reject(new Error('It is away, too.')));
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toContain('known 5\n');
    expect(text).not.toContain('lost{');
  });

  it('answers 500, and no words, when the metrics cannot be written', async () => {
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

  it('gives a request as long to arrive as the API does: half a one does not hold a connection', () => {
    expect((server as unknown as { server: unknown }).server).toMatchObject({
      headersTimeout: 10_000,
      requestTimeout: 60_000,
    });
  });

  it('has nothing else', async () => {
    for (const [path, method] of [
      ['/', 'GET'],
      ['/metrics/x', 'GET'],
      ['/metrics', 'POST'],
      ['/metricsx', 'GET'],
    ])
      // prettier-ignore
      expect((await fetch(base + path!, { method: method! })).status).toBe(404);
  });

  it('says that its port is taken instead of starting without metrics', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const second = new MetricsServer({ host: '127.0.0.1', port }, beforeScrape);
    await expect(second.onApplicationBootstrap()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    other.close();
  });
});
