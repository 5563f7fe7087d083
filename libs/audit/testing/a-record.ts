import type { AuditRecord } from '../src/domain/audit-record.js';

/** The made-up seal of a position. */
const hashOf = (seq: number): string => seq.toString(16).padStart(64, '0');

/** A sealed record that follows the one before it. */
export function aRecord(seq: number, over: Partial<AuditRecord> = {}): AuditRecord {
  return {
    seq,
    id: `evt_${String(seq)}`,
    type: 'command.created',
    at: new Date(Date.now() - 60_000 + seq),
    projectId: null,
    target: `cmd_${String(seq)}`,
    outcome: 'allowed',
    actor: { keyId: null, ip: null, userAgent: null, requestId: null, traceId: null },
    data: {},
    details: null,
    previousHash: hashOf(seq - 1),
    hash: hashOf(seq),
    ...over,
  };
}
