export { HealthModule, type HealthOptions } from './health.module.js';
export { type ReadinessCheck, type ReadinessChecks } from './readiness.js';
export type { SystemSources } from './system-sources.js';
