import { Database, likePatterns, withinPage } from '@app/database';
import { InvalidCursor, type Page, type PageRequest, decodeCursor, toPage } from '@app/kernel';
import { Injectable } from '@nestjs/common';
import { type AuditFilter, AuditTrail, type LogRange } from '../../application/audit-trail.js';
import type { AuditRecord } from '../../domain/audit-record.js';

/** Columns that can be large. */
const SIZED = ['actor', 'data', 'details'];
/** PostgreSQL reads no later year from an ISO 8601 text. */
const TIME_END = Date.UTC(10_000, 0);

/** The seal before the first record that is kept is in the head of the log; that before all is zeros. */
const PREVIOUS_HASH = `encode(CASE WHEN e.seq = ${headOf('start_seq')} + 1
  THEN coalesce(${headOf('start_hash')}, decode(repeat('00', 32), 'hex'))
  ELSE (SELECT previous.hash FROM events AS previous WHERE previous.seq = e.seq - 1) END, 'hex')`;
const COLUMNS = `e.seq::float8 AS seq, e.id, e.type, e.at, e.project_id AS "projectId", e.target, e.outcome, e.actor, e.data,
  e.details, ${PREVIOUS_HASH} AS "previousHash", encode(e.hash, 'hex') AS hash`;

type Row = AuditRecord & { readonly hasMore?: boolean };

/** The conditions of a statement, with their parameters. */
class Conditions {
  readonly parameters: unknown[] = [];
  private readonly texts: string[] = ['true'];

  /** @param text contains `$` for each parameter */
  add(text: string, ...parameters: readonly unknown[]): this {
    const values = parameters.values();
    this.texts.push(text.replaceAll('$', () => `$${String(this.parameters.push(values.next().value))}`));
    return this;
  }

  toString(): string {
    return this.texts.join(' AND ');
  }
}

/** The indexes of the migration `IndexEvents` have the same expressions. */
@Injectable()
export class PostgresAuditTrail implements AuditTrail {
  constructor(private readonly database: Database) {}

  async search(filter: AuditFilter, { limit, cursor }: PageRequest): Promise<Page<AuditRecord>> {
    const conditions = conditionsOf(filter);
    if (cursor !== undefined) {
      const [at, seq] = positionOf(cursor);
      // The first condition leaves out partitions.
      conditions.add('e.at <= $::timestamptz', at).add('(e.at, e.seq) < ($::timestamptz, $::bigint)', at, seq);
    }
    const rows = await this.select(conditions, 'at DESC, seq DESC', limit + 1);
    return toPage(rows.map(toRecord), limit, ({ at, seq }) => [at.getTime(), seq], rows[0]?.hasMore);
  }

  async read(filter: AuditFilter, { after, upTo }: LogRange, limit: number): Promise<readonly AuditRecord[]> {
    const conditions = conditionsOf(filter)
      .add('e.seq > $::bigint AND e.seq <= $::bigint', after, upTo)
      // At the end of a month, some records of the next one precede its last: they cannot be verified without it.
      .add(`e.seq > ${headOf('start_seq')}`);
    return (await this.select(conditions, 'seq', limit)).map(toRecord);
  }

  private select(conditions: Conditions, order: string, limit: number): Promise<Row[]> {
    const select = `SELECT ${COLUMNS} FROM events AS e
      WHERE ${conditions.toString()} ORDER BY ${order.replaceAll(/\b(at|seq)\b/g, 'e.$1')} LIMIT ${String(limit)}`;
    return this.database.query<Row>(withinPage(select, SIZED, order), conditions.parameters);
  }

  async sealedSeq(): Promise<number> {
    const [row] = await this.database.query<{ seq: number }>('SELECT sealed_seq::float8 AS seq FROM event_log_head');
    return row?.seq ?? 0;
  }

  /** From each type to the next in the index: there are few types, and many records. */
  async types(): Promise<readonly string[]> {
    const rows = await this.database.query<{ type: string }>(
      `WITH RECURSIVE known AS (
         (SELECT type FROM events ORDER BY type LIMIT 1)
         UNION ALL
         SELECT (SELECT later.type FROM events AS later WHERE later.type > known.type ORDER BY later.type LIMIT 1)
         FROM known WHERE known.type IS NOT NULL
       )
       SELECT type FROM known WHERE type IS NOT NULL`,
    );
    return rows.map(({ type }) => type);
  }
}

/** Not joined: the planner overestimates the table of one row. */
function headOf(column: string): string {
  return `(SELECT ${column} FROM event_log_head)`;
}

/** Only what is asked for, so that the planner knows which index fits. */
function conditionsOf(filter: AuditFilter): Conditions {
  const conditions = new Conditions();
  const equal = (text: string, value: unknown): void => {
    if (value !== undefined) conditions.add(text, value);
  };
  equal(`e.actor->>'keyId' = $`, filter.keyId);
  equal(`e.actor->>'ip' = $`, filter.ip);
  equal(`e.actor->>'requestId' = $`, filter.requestId);
  equal(`e.actor->>'traceId' = $`, filter.traceId);
  equal('e.project_id = $', filter.projectId);
  equal('e.outcome = $', filter.outcome);
  equal('e.type = ANY($::text[])', filter.types);
  equal('e.at >= $::timestamptz', filter.since);
  equal('e.at < $::timestamptz', filter.until);
  if (filter.target !== undefined)
    conditions.add('left(e.target, 200) = left($, 200) AND e.target = $', filter.target, filter.target);
  if (filter.visibleProjects !== null) addVisible(conditions, filter.visibleProjects);
  return conditions;
}

/** One condition for each glob: an index can be searched for a beginning, but not for one of several. */
function addVisible(conditions: Conditions, globs: readonly string[]): void {
  const exact = globs.filter((glob) => !glob.includes('*'));
  const patterns = likePatterns(globs.filter((glob) => glob.includes('*'))) ?? [];
  const each = ['e.project_id = ANY($::text[])', ...patterns.map(() => 'e.project_id LIKE $')];
  conditions.add(`(${each.join(' OR ')})`, exact, ...patterns);
}

/** @throws {@link InvalidCursor} */
function positionOf(cursor: string): [at: Date, seq: number] {
  const [at, seq] = decodeCursor(cursor, 'number', 'number');
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(at) || at < 0 || at >= TIME_END) throw new InvalidCursor();
  return [new Date(at), seq];
}

function toRecord(row: Row): AuditRecord {
  const { seq, id, type, at, projectId, target, outcome, actor, data, details, previousHash, hash } = row;
  return { seq, id, type, at, projectId, target, outcome, actor, data, details, previousHash, hash };
}
