import { jsonLine } from '@app/kernel';
import type { AuditRecord } from '../../domain/audit-record.js';
import { csvLine } from '../../domain/csv.js';
import { type ExportFormat, toResponse } from './audit.dto.js';

export interface Format {
  readonly contentType: string;
  /** What precedes the records. */
  readonly header: string;
  readonly lineOf: (record: AuditRecord) => string;
}

type Cell = (record: AuditRecord) => string | number | null | undefined;

/** In the order of the columns. */
const COLUMNS: Readonly<Record<string, Cell>> = {
  seq: ({ seq }) => seq,
  id: ({ id }) => id,
  type: ({ type }) => type,
  at: ({ at }) => at.toISOString(),
  projectId: ({ projectId }) => projectId,
  target: ({ target }) => target,
  outcome: ({ outcome }) => outcome,
  keyId: ({ actor }) => actor.keyId,
  ip: ({ actor }) => actor.ip,
  userAgent: ({ actor }) => actor.userAgent,
  requestId: ({ actor }) => actor.requestId,
  traceId: ({ actor }) => actor.traceId,
  data: ({ data }) => jsonLine(data),
  details: ({ details }) => details && jsonLine(details),
  previousHash: ({ previousHash }) => previousHash,
  hash: ({ hash }) => hash,
};

export const EXPORT_FORMATS: Readonly<Record<ExportFormat, Format>> = {
  ndjson: {
    contentType: 'application/x-ndjson; charset=utf-8',
    header: '',
    lineOf: (record) => `${jsonLine(toResponse(record))}\n`,
  },
  csv: {
    contentType: 'text/csv; charset=utf-8; header=present',
    header: csvLine(Object.keys(COLUMNS)),
    lineOf: (record) => csvLine(Object.values(COLUMNS).map((cell) => cell(record) ?? null)),
  },
};
