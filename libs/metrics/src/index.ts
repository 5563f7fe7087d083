export { BeforeScrape } from './before-scrape.js';
export { durationBuckets } from './buckets.js';
export { HttpMetrics } from './http-metrics.js';
export { MetricsModule, type MetricsAddress } from './metrics.module.js';
