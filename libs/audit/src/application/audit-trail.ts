import type { Page, PageRequest } from '@app/kernel';
import type { AuditRecord } from '../domain/audit-record.js';

/** What a record must match; absent: anything. */
export interface AuditFilter {
  readonly keyId?: string | undefined;
  readonly types?: readonly string[] | undefined;
  readonly projectId?: string | undefined;
  readonly target?: string | undefined;
  readonly outcome?: AuditRecord['outcome'] | undefined;
  readonly ip?: string | undefined;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** Globs of the projects whose records may be read; null: all records, also those without a project. */
  readonly visibleProjects: readonly string[] | null;
}

export interface LogRange {
  readonly after: number;
  readonly upTo: number;
}

/** The event log, for those who search it. */
export abstract class AuditTrail {
  /** The newest first, by time and then by position. @throws {@link InvalidCursor} */
  abstract search(filter: AuditFilter, page: PageRequest): Promise<Page<AuditRecord>>;
  /**
   * Records in the order of the log, at most `limit`, and not much larger than a page.
   * @param range from after one position up to another
   */
  abstract read(filter: AuditFilter, range: LogRange, limit: number): Promise<readonly AuditRecord[]>;
  /** The position of the last sealed record; 0: none. */
  abstract sealedSeq(): Promise<number>;
  /** Every type that a record has. */
  abstract types(): Promise<readonly string[]>;
}
