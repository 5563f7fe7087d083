export { AuditModule } from './audit.module.js';
export { ExportVerifier, type KeptCheckpoint, isCheckpoint } from './application/export-verification.js';
export { readPublicKey } from './domain/audit-key.js';
