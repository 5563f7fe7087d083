export { FailedAttempts } from './failed-attempts.js';
export { RateLimitGuard } from './rate-limit.guard.js';
export { RateLimitModule } from './rate-limit.module.js';
export { PostgresRateLimitStore } from './postgres-rate-limit-store.js';
