import { type Page, type PageRequest, decodeCursor, matchesGlob, toPage } from '@app/kernel';
import type { AuditFilter, AuditTrail, LogRange } from '../src/application/audit-trail.js';
import type { AuditRecord } from '../src/domain/audit-record.js';

export class InMemoryAuditTrail implements AuditTrail {
  private readonly records: AuditRecord[] = [];
  /** Records that `read` returns at most. */
  recordsMax = Infinity;

  /** In the order of the log. */
  append(...records: readonly AuditRecord[]): void {
    this.records.push(...records);
  }

  search(filter: AuditFilter, { limit, cursor }: PageRequest): Promise<Page<AuditRecord>> {
    const [at, seq] = cursor === undefined ? [Infinity, Infinity] : decodeCursor(cursor, 'number', 'number');
    const found = this.records
      .filter((record) => matches(record, filter))
      .filter((record) => record.at.getTime() < at || (record.at.getTime() === at && record.seq < seq))
      .sort((a, b) => b.at.getTime() - a.at.getTime() || b.seq - a.seq);
    return Promise.resolve(toPage(found, limit, (record) => [record.at.getTime(), record.seq]));
  }

  read(filter: AuditFilter, { after, upTo }: LogRange, limit: number): Promise<readonly AuditRecord[]> {
    const within = this.records.filter(({ seq }) => seq > after && seq <= upTo);
    return Promise.resolve(
      within.filter((record) => matches(record, filter)).slice(0, Math.min(limit, this.recordsMax)),
    );
  }

  sealedSeq(): Promise<number> {
    return Promise.resolve(this.records.findLast(({ hash }) => hash !== null)?.seq ?? 0);
  }

  types(): Promise<readonly string[]> {
    return Promise.resolve([...new Set(this.records.map(({ type }) => type))].sort());
  }
}

function matches(record: AuditRecord, filter: AuditFilter): boolean {
  const { type, at, projectId, target, outcome, actor } = record;
  const { types, since, until, visibleProjects } = filter;
  const pairs = [
    [filter.keyId, actor.keyId],
    [filter.ip, actor.ip],
    [filter.requestId, actor.requestId],
    [filter.traceId, actor.traceId],
    [filter.projectId, projectId],
    [filter.target, target],
    [filter.outcome, outcome],
  ];
  return (
    pairs.every(([wanted, found]) => wanted === undefined || wanted === found) &&
    (types?.includes(type) ?? true) &&
    (since === undefined || at >= since) &&
    (until === undefined || at < until) &&
    (visibleProjects === null || (projectId !== null && visibleProjects.some((glob) => matchesGlob(glob, projectId))))
  );
}
