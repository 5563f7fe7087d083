import { LOCKS } from '@app/database';
import { GENESIS, type LogRecord, type NewEvent, newId, runInRequest, sealOf } from '@app/kernel';
import { InMemoryNotifier, SystemClock } from '@app/kernel/testing';
import { type OpenTestDatabase, ROLES, openTestDatabase } from '@app/database/testing';
import type { DataSource, EntityManager } from 'typeorm';
import { eventually } from '../../../test/support/index.js';
import { EventRelay } from './event-relay.js';
import { PostgresEventLog } from './postgres-event-log.js';

type Row = LogRecord & { readonly hash: Buffer | null };

const aFact = (type = 'thing.happened', over: Partial<NewEvent> = {}): NewEvent => ({
  type,
  target: newId('cmd'),
  outcome: 'allowed',
  data: { z: 1, a: { '10': 'ä😀', '9': [1.5, 1e21, -0] } },
  ...over,
});

/** How the release before seals moves events. */
const FORMER_RELAY = `
  WITH moved AS (DELETE FROM pending_events RETURNING *),
  head AS (UPDATE event_log_head SET last_seq = last_seq + (SELECT count(*) FROM moved) RETURNING last_seq)
  INSERT INTO events (seq, id, type, at, project_id, target, outcome, actor, data)
  SELECT last_seq + 1 - row_number() OVER (ORDER BY moved.id DESC), event_id, type, at, project_id, target, outcome, actor, data
  FROM moved, head RETURNING seq`;

describe.each(ROLES)('the seals of the event log, made by the %s,', (role) => {
  const refusal = role === 'owner' ? 'append-only' : 'permission denied';
  let db: OpenTestDatabase;
  let log: PostgresEventLog;
  let here: EventRelay;
  let there: EventRelay;
  beforeEach(async () => {
    db = await openTestDatabase(10, role);
    const notifier = new InMemoryNotifier();
    log = new PostgresEventLog(db.database, notifier, new SystemClock());
    here = new EventRelay(db.dataSource, notifier, db.partitions);
    const replica = await db.anotherReplica();
    there = new EventRelay(replica.dataSource, notifier, replica.partitions);
  });
  afterEach(() => db.close());

  const relayAll = async (): Promise<void> => {
    while ((await Promise.all([here.relay(), there.relay()])).some(Boolean));
  };
  const rows = (): Promise<readonly Row[]> =>
    db.database.query<Row>(
      `SELECT seq::float8 AS seq, id, type, at, project_id AS "projectId", target, outcome, actor, data, details, hash
       FROM events ORDER BY seq`,
    );
  const head = async () =>
    (
      await db.database.query<{ last: number; sealed: number; start: number; hash: Buffer | null }>(
        `SELECT last_seq::int AS last, sealed_seq::int AS sealed, start_seq::int AS start, hash FROM event_log_head`,
      )
    )[0]!;
  const expectChain = async (count: number, from = 1): Promise<void> => {
    const found = await rows();
    expect(found.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, i) => from + i));
    let hash: Buffer = GENESIS;
    for (const row of found) expect(row.hash).toEqual((hash = sealOf(hash, row)));
    expect(await head()).toMatchObject({ last: from + count - 1, sealed: from + count - 1, hash });
  };

  it('form one chain, whatever 50 writers and two replicas do', async () => {
    const writing = Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        db.database.run(async () => {
          await log.add(aFact(`a.${String(i)}`));
          await db.database.query('SELECT pg_sleep($1)', [(i % 5) / 200]);
          await log.add(aFact(`b.${String(i)}`, { details: { i, text: '\ud800 half' } }));
        }),
      ),
    );
    const written = new AbortController();
    void writing.then(() => written.abort());
    while (!written.signal.aborted) await Promise.all([here.relay(), there.relay()]);
    await writing;
    await relayAll();
    await expectChain(100);
  });

  it('hold what was stored: actor, data and details', async () => {
    const actor = { keyId: 'key_a', ip: '::1', userAgent: 'a "b"\\\u007f', requestId: 'r', traceId: 'f'.repeat(32) };
    await runInRequest({ requestId: 'r', actor }, () => log.add(aFact('x', { details: { secret: null } })));
    await relayAll();
    expect(await rows()).toMatchObject([{ actor, details: { secret: null } }]);
    await expectChain(1);
  });

  it('are not lost and do not fork if the replica dies that makes them', async () => {
    for (let i = 0; i < 3; i++) await log.add(aFact());
    await relayAll();
    await log.add(aFact());
    await db.dataSource
      .transaction(async (manager) => {
        await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.eventRelay]);
        await manager.query('UPDATE event_log_head SET sealed_seq = 4, last_seq = 4');
        throw new Error('died');
      })
      .catch(() => undefined);
    await relayAll();
    await expectChain(4);
  });

  it('are made by another replica soon after one was paused in the middle, which then changes nothing', async () => {
    const paused = new Promise<() => void>((reached) => {
      const { dataSource } = db;
      // It takes the lock, and stops before its next statement.
      const transaction = (work: (manager: EntityManager) => Promise<unknown>): Promise<unknown> =>
        dataSource.transaction((manager) => {
          const query = manager.query.bind(manager);
          let count = 0;
          manager.query = async <Rows>(...args: Parameters<typeof query>): Promise<Rows> => {
            if (++count === 3) await new Promise<void>((resume) => reached(resume));
            return query<Rows>(...args);
          };
          return work(manager);
        });
      const stopped = Object.create(dataSource, { transaction: { value: transaction } }) as DataSource;
      void log
        .add(aFact())
        .then(() => new EventRelay(stopped, new InMemoryNotifier(), db.partitions).relay())
        .catch(() => undefined);
    });
    const resume = await paused;
    await there.relay();
    expect(await rows()).toEqual([]);
    await eventually(async () => {
      await there.relay();
      return (await rows()).length === 1;
    }, 10_000);
    resume();
    await log.add(aFact());
    await relayAll();
    await expectChain(2);
  }, 20_000);

  it('are given to events that a replica of the release before has moved, in their order', async () => {
    for (let i = 0; i < 3; i++) await log.add(aFact());
    await db.database.query(FORMER_RELAY);
    expect((await rows()).map(({ hash }) => hash)).toEqual([null, null, null]);
    await log.add(aFact());
    await relayAll();
    await expectChain(4);
    await log.add(aFact());
    await db.database.query(FORMER_RELAY);
    await log.add(aFact());
    await relayAll();
    await expectChain(6);
  });

  it('begin with the first event that is kept, if former ones have expired before there were seals', async () => {
    await db.database.query('UPDATE event_log_head SET last_seq = 7');
    for (let i = 0; i < 2; i++) await log.add(aFact());
    await db.database.query(FORMER_RELAY);
    await relayAll();
    await expectChain(2, 8);
    expect((await head()).start).toBe(7);
  });

  it.each([
    ['UPDATE', `UPDATE events SET outcome = 'denied' WHERE seq = 2`],
    ['UPDATE of a partition', `UPDATE %s SET hash = NULL`],
    ['DELETE', 'DELETE FROM events WHERE seq = 2'],
    ['DELETE from a partition', 'DELETE FROM %s'],
    ['TRUNCATE', 'TRUNCATE events'],
    ['TRUNCATE of a partition', 'TRUNCATE %s'],
    ['MERGE', `MERGE INTO events e USING (SELECT 2 AS s) x ON e.seq = x.s WHEN MATCHED THEN DELETE`],
    ['ON CONFLICT', `INSERT INTO events SELECT * FROM events ON CONFLICT (seq, at) DO UPDATE SET data = '{}'`],
  ])('keep sealed events: %s is refused by the database', async (name, sql) => {
    if (name === 'MERGE' && (await serverVersion()) < 15) return;
    for (let i = 0; i < 3; i++) await log.add(aFact());
    await relayAll();
    const [{ name: partition }] = (await db.database.query(
      'SELECT tableoid::regclass::text AS name FROM events LIMIT 1',
    )) as [{ name: string }];
    await expect(db.database.query(sql.replace('%s', partition))).rejects.toThrow(refusal);
    await expectChain(3);
  });

  const serverVersion = async (): Promise<number> =>
    (await db.database.query<{ v: number }>(`SELECT current_setting('server_version_num')::int / 10000 AS v`))[0]!.v;

  it('keep events in partitions that are created later', async () => {
    await log.add(aFact());
    await db.owner.query(`UPDATE pending_events SET at = now() + interval '3 years'`);
    await relayAll();
    const [{ name }] = (await db.database.query('SELECT tableoid::regclass::text AS name FROM events')) as [
      { name: string },
    ];
    for (const sql of [`TRUNCATE ${name}`, `DELETE FROM ${name}`])
      await expect(db.database.query(sql)).rejects.toThrow(refusal);
  });
});
