export { AuditModule } from './audit.module.js';
export { ExportVerifier, type KeptCheckpoint } from './application/export-verification.js';
export { readPublicKey } from './domain/audit-key.js';
