export { IdempotencyModule } from './idempotency.module.js';
export { PostgresIdempotency } from './postgres-idempotency.js';
