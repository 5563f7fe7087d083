export { aRecord } from './a-record.js';
export { type AuditTrailHarness, describeAuditTrail } from './describe-audit-trail.js';
export { InMemoryAuditTrail } from './in-memory-audit-trail.js';
export { PostgresAuditTrail } from '../src/adapters/postgres/postgres-audit-trail.js';
