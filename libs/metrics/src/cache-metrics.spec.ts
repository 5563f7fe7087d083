import { Counter, Gauge, Registry } from 'prom-client';
import { BeforeScrape } from './before-scrape.js';
import { CacheMetrics } from './cache-metrics.js';

describe('CacheMetrics', () => {
  it('shows what each cache has counted, once', async () => {
    const registers = [new Registry()];
    const lookups = new Counter({ name: 'lookups', help: '-', labelNames: ['cache', 'result'], registers });
    const entries = new Gauge({ name: 'entries', help: '-', labelNames: ['cache'], registers });
    const beforeScrape = new BeforeScrape();
    const metrics = new CacheMetrics(lookups, entries, beforeScrape);
    const cache = { size: 2, lookups: { hit: 3, miss: 1 } };
    metrics.add('keys', cache);
    metrics.onModuleInit();
    await beforeScrape.run();
    cache.lookups.hit = 5;
    cache.size = 1;
    await beforeScrape.run();
    const text = await registers[0]!.metrics();
    expect(text).toContain('lookups{cache="keys",result="hit"} 5\n');
    expect(text).toContain('lookups{cache="keys",result="miss"} 1\n');
    expect(text).toContain('entries{cache="keys"} 1\n');
  });
});
