export { BeforeScrape } from './before-scrape.js';
export { CacheMetrics, type CacheView } from './cache-metrics.js';
export { durationBuckets } from './buckets.js';
export { HttpMetrics } from './http-metrics.js';
export { MetricsModule, type MetricsAddress } from './metrics.module.js';
export { MetricsServer } from './metrics-server.js';
export { exemplarOf } from './exemplar.js';
