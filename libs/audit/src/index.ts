export { AuditModule } from './audit.module.js';
export { UNSIGNED_PARTITION } from './adapters/postgres/unsigned-partition.sql.js';
export { ExportVerifier, type KeptCheckpoint } from './application/export-verification.js';
export { readPublicKey } from './domain/audit-key.js';
