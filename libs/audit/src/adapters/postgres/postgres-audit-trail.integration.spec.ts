import { Database } from '@app/database';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { aRecord, describeAuditTrail } from '@app/audit/testing';
import { PAGE_BYTES_MAX } from '@app/kernel';
import type { AuditFilter } from '../../application/audit-trail.js';
import type { AuditRecord } from '../../domain/audit-record.js';
import { PostgresAuditTrail } from './postgres-audit-trail.js';

const ALL: AuditFilter = { visibleProjects: null };

async function append(database: Database, records: readonly AuditRecord[]): Promise<void> {
  await database.query(
    `INSERT INTO events (seq, id, type, at, project_id, target, outcome, actor, data, details, hash)
     SELECT seq, id, type, at, "projectId", target, outcome, actor, data, details, decode(hash, 'hex')
     FROM json_to_recordset($1) AS r(seq bigint, id text, type text, at timestamptz, "projectId" text, target text,
       outcome text, actor json, data json, details json, hash text)`,
    [JSON.stringify(records)],
  );
  await database.query(
    `UPDATE event_log_head SET last_seq = greatest(last_seq, $1), sealed_seq = (SELECT max(seq) FROM events WHERE hash IS NOT NULL)`,
    [records.at(-1)?.seq],
  );
}

describeAuditTrail('PostgreSQL', async () => {
  const { database, close } = await openTestDatabase();
  return { trail: new PostgresAuditTrail(database), append: (...records) => append(database, records), close };
});

/** Explains each statement before it runs it. */
class ExplainingDatabase extends Database {
  readonly plans: string[] = [];

  override async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const lines = await super.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, parameters);
    this.plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
    return super.query<Row>(sql, parameters);
  }
}

describe('the audit trail in PostgreSQL', () => {
  let db: OpenTestDatabase;
  beforeEach(async () => {
    db = await openTestDatabase();
  });
  afterEach(() => db.close());

  it('knows the seal before the first record that is kept', async () => {
    await append(db.database, [aRecord(8), aRecord(9)]);
    await db.database.query(`UPDATE event_log_head SET start_seq = 7, start_hash = decode(repeat('ab', 32), 'hex')`);
    const records = await new PostgresAuditTrail(db.database).read(ALL, { after: 0, upTo: 9 }, 50);
    expect(records.map(({ previousHash }) => previousHash)).toEqual(['ab'.repeat(32), aRecord(8).hash]);
  });

  it('returns no more than a page of large records at a time', async () => {
    const data = { text: 'x'.repeat(PAGE_BYTES_MAX / 4) };
    await append(
      db.database,
      Array.from({ length: 12 }, (_, i) => aRecord(i + 1, { data })),
    );
    const trail = new PostgresAuditTrail(db.database);
    const { data: page, nextCursor } = await trail.search(ALL, { limit: 200 });
    expect([page.length, nextCursor === null]).toEqual([3, false]);
    expect((await trail.search(ALL, { limit: 200, cursor: nextCursor! })).data[0]!.seq).toBe(9);
    expect((await trail.read(ALL, { after: 2, upTo: 12 }, 50)).map(({ seq }) => seq)).toEqual([3, 4, 5, 6]);
  });

  describe('with 100,000 records over two months', () => {
    const COUNT = 100_000;
    let database: ExplainingDatabase;
    let trail: PostgresAuditTrail;
    beforeEach(async () => {
      await db.database.query(
        `INSERT INTO events (seq, id, type, at, project_id, target, outcome, actor, data, hash)
         SELECT i, 'evt_' || i, (ARRAY['command.created', 'command.started', 'command.ended', 'key.created'])[1 + i % 4],
           now() + (i - $1::int) * interval '35 days' / $1::int, 'project-' || i % 500, 'cmd_' || i / 3,
           CASE WHEN i % 500 = 0 THEN 'denied' WHEN i % 100 = 0 THEN 'failed' ELSE 'succeeded' END,
           json_build_object('keyId', 'key_' || i % 1000, 'ip', '10.0.' || i % 7 || '.' || i % 250, 'userAgent', 'curl',
             'requestId', 'req_' || i / 4, 'traceId', md5(i::text)),
           '{}', sha256(i::text::bytea)
         FROM generate_series(1, $1::int) AS i`,
        [COUNT],
      );
      await db.database.query('UPDATE event_log_head SET last_seq = $1, sealed_seq = $1', [COUNT]);
      await db.database.query('ANALYZE events');
      database = new ExplainingDatabase(db.dataSource);
      trail = new PostgresAuditTrail(database);
    });

    const md5OfSeven = '8f14e45fceea167a5a36dedd4bea2543';
    const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);

    const FILTERS: readonly (readonly [string, Partial<AuditFilter>])[] = [
      ['nothing', {}],
      ['key', { keyId: 'key_7' }],
      ['unknown key', { keyId: 'none' }],
      ['type', { types: ['key.created'] }],
      ['types', { types: ['command.created', 'command.ended'] }],
      ['unknown type', { types: ['none'] }],
      ['project', { projectId: 'project-7' }],
      ['target', { target: 'cmd_7' }],
      ['common outcome', { outcome: 'succeeded' }],
      ['rare outcome', { outcome: 'denied' }],
      ['unused outcome', { outcome: 'allowed' }],
      ['address', { ip: '10.0.0.7' }],
      ['unknown address', { ip: '10.9.9.9' }],
      ['request', { requestId: 'req_7' }],
      ['trace', { traceId: md5OfSeven }],
      ['since', { since: daysAgo(1) }],
      ['until', { until: daysAgo(34) }],
      ['an hour', { since: daysAgo(10), until: new Date(daysAgo(10).getTime() + 3_600_000) }],
      ['key and type', { keyId: 'key_7', types: ['key.created'] }],
      ['key and time', { keyId: 'key_7', since: daysAgo(20), until: daysAgo(19) }],
      ['one visible project', { visibleProjects: ['project-7'] }],
      ['visible projects', { visibleProjects: ['project-1*', 'project-22'] }],
      ['no visible project', { visibleProjects: ['other-*'] }],
    ];

    // One test, as the records take a while.
    it('neither searches nor exports by scanning a table', async () => {
      const filled = await db.database.query<{ name: string }>(
        'SELECT DISTINCT tableoid::regclass::text AS name FROM events',
      );
      expect(filled.length).toBeGreaterThan(1);
      const isScan = (plan: string): boolean => filled.some(({ name }) => plan.includes(`Seq Scan on ${name}`));
      await trail.types();
      expect(database.plans.splice(0).filter(isScan)).toEqual([]);
      for (const [name, filter] of FILTERS) {
        const { data, nextCursor } = await trail.search({ ...ALL, ...filter }, { limit: 50 });
        const isEmpty = /unknown|unused|no visible/.test(name);
        expect({ name, isEmpty: data.length === 0 }).toEqual({ name, isEmpty });
        if (nextCursor !== null) await trail.search({ ...ALL, ...filter }, { limit: 50, cursor: nextCursor });
        await trail.read({ ...ALL, ...filter }, { after: COUNT / 2, upTo: COUNT }, 500);
        const scans = database.plans.splice(0).filter(isScan);
        expect({ name, scans }).toEqual({ name, scans: [] });
      }
    });
  });
});
