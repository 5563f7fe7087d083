import { type Caller, type Page, type PageRequest, canonicalAddress, matchesGlob } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import type { AuditRecord } from '../domain/audit-record.js';
import { type AuditFilter, AuditTrail, type LogRange } from './audit-trail.js';

/**
 * Records to read at a time. The number follows the size of the records: whatever does not fit in a batch has been
 * measured for nothing.
 */
const [BATCH_MIN, BATCH_MAX] = [50, 500];

/** What a client searches for. */
export interface AuditQuery extends Omit<AuditFilter, 'types' | 'visibleProjects'> {
  /** May contain `*`. */
  readonly type?: string | undefined;
}

@Injectable()
export class AuditService {
  constructor(private readonly trail: AuditTrail) {}

  /** The newest records first. A key that is limited to projects sees only theirs. */
  async search(query: AuditQuery, page: PageRequest, caller: Caller): Promise<Page<AuditRecord>> {
    return this.trail.search(await this.filterOf(query, caller), page);
  }

  /**
   * The records from after a position up to the last one that is sealed now, in batches and in the order of the log: an
   * export with the same end never changes.
   */
  async export(
    query: AuditQuery,
    after: number,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<readonly AuditRecord[], void>> {
    const [filter, upTo] = await Promise.all([this.filterOf(query, caller), this.trail.sealedSeq()]);
    return this.batches(filter, { after, upTo }, signal);
  }

  private async *batches(
    filter: AuditFilter,
    { after, upTo }: LogRange,
    signal: AbortSignal,
  ): AsyncGenerator<readonly AuditRecord[], void> {
    let limit = BATCH_MIN;
    for (let at = after; at < upTo && !signal.aborted;) {
      const records = await this.trail.read(filter, { after: at, upTo }, limit);
      const last = records.at(-1);
      if (last === undefined) return;
      yield records;
      at = last.seq;
      limit = Math.min(2 * records.length, BATCH_MAX);
    }
  }

  private async filterOf({ type, ip, ...query }: AuditQuery, { projects }: Caller): Promise<AuditFilter> {
    return {
      ...query,
      types: type === undefined ? undefined : await this.typesLike(type),
      ip: ip === undefined ? undefined : (canonicalAddress(ip) ?? ip),
      visibleProjects: projects,
    };
  }

  private async typesLike(glob: string): Promise<readonly string[]> {
    if (!glob.includes('*')) return [glob];
    return (await this.trail.types()).filter((type) => matchesGlob(glob, type));
  }
}
