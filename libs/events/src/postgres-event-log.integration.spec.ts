import { LOCKS } from '@app/database';
import { type NewEvent, newId } from '@app/kernel';
import { InMemoryNotifier, SystemClock, describeEventLog } from '@app/kernel/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { EventRelay } from './event-relay.js';
import { PostgresEventLog } from './postgres-event-log.js';

async function sealAll(...relays: readonly EventRelay[]): Promise<void> {
  let more = true;
  while (more) more = (await Promise.all(relays.map((relay) => relay.relay()))).some(Boolean);
}

describeEventLog('PostgreSQL', async () => {
  const { database, dataSource, partitions, close } = await openTestDatabase();
  const notifier = new InMemoryNotifier();
  const relay = new EventRelay(dataSource, notifier, partitions);
  return {
    log: new PostgresEventLog(database, notifier, new SystemClock()),
    transactor: database,
    seal: () => sealAll(relay),
    close,
  };
});

describe('PostgresEventLog', () => {
  let db: OpenTestDatabase;
  beforeAll(async () => (db = await openTestDatabase()));
  afterAll(() => db.close());

  it('is unavailable if an event cannot be recorded, whatever the reason, and nothing is committed', async () => {
    const log = new PostgresEventLog(db.database, new InMemoryNotifier(), new SystemClock());
    await db.database.query('ALTER TABLE pending_events ADD CONSTRAINT nothing CHECK (false)');
    const run = db.database.run(async () => {
      await db.database.query("INSERT INTO queue_pauses (project_id) VALUES ('web')");
      await log.add({ type: 'queue.paused', target: 'web', outcome: 'succeeded', data: {} });
    });
    await expect(run).rejects.toMatchObject({ code: 'UNAVAILABLE', kind: 'unavailable', retryable: true });
    expect(await db.database.query('SELECT 1 FROM queue_pauses')).toEqual([]);
  });
});

describe('EventRelay', () => {
  const aFact = (type = 'thing.happened'): NewEvent => ({ type, target: newId('cmd'), outcome: 'allowed', data: {} });
  let db: OpenTestDatabase;
  let log: PostgresEventLog;
  let here: EventRelay;
  let there: EventRelay;
  beforeEach(async () => {
    db = await openTestDatabase();
    const notifier = new InMemoryNotifier();
    log = new PostgresEventLog(db.database, notifier, new SystemClock());
    here = new EventRelay(db.dataSource, notifier, db.partitions);
    const replica = await db.anotherReplica();
    there = new EventRelay(replica.dataSource, notifier, replica.partitions);
  });
  afterEach(() => db.close());

  it('assigns each event one position, however many replicas relay concurrently', async () => {
    const writing = Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        await db.database.run(async () => {
          await log.add(aFact(`a.${String(i)}`));
          await db.database.query('SELECT pg_sleep($1)', [(i % 5) / 200]);
          await log.add(aFact(`b.${String(i)}`));
        });
      }),
    );
    const written = new AbortController();
    void writing.then(() => written.abort());
    while (!written.signal.aborted) await Promise.all([here.relay(), there.relay(), here.relay(), there.relay()]);
    await sealAll(here, there);
    const events = await log.readAfter(0, 1000);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    expect(new Set(events.map(({ id }) => id)).size).toBe(80);
    expect(await db.database.query('SELECT 1 FROM pending_events')).toEqual([]);
  });

  it('reports that there is more after a full batch, and moves all in order', async () => {
    await db.database.query(
      `INSERT INTO pending_events (event_id, type, target, outcome, actor, data)
       SELECT 'evt_' || i, 'n.' || i, 'x', 'allowed', '{}', '{}' FROM generate_series(1, 1201) AS i`,
    );
    expect([await here.relay(), await here.relay(), await here.relay(), await here.relay()]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    const events = await log.readAfter(0, 5000);
    expect(events.map(({ type, seq }) => `n.${String(seq)}` === type)).not.toContain(false);
    expect(events).toHaveLength(1201);
  });

  it('does nothing while another replica holds the lock, and loses nothing if that one dies', async () => {
    await log.add(aFact());
    await db.dataSource
      .transaction(async (manager) => {
        await manager.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.eventRelay]);
        await manager.query('DELETE FROM pending_events');
        expect(await there.relay()).toBe(false);
        throw new Error('died');
      })
      .catch(() => undefined);
    expect(await log.lastSeq()).toBe(0);
    await sealAll(there);
    expect(await log.lastSeq()).toBe(1);
  });

  it('seals events that a wrong database clock dated years ahead, and later ones', async () => {
    await log.add(aFact('ahead'));
    await db.owner.query(`UPDATE pending_events SET at = now() + interval '3 years'`);
    await log.add(aFact('after'));
    await sealAll(here, there);
    expect((await log.readAfter(0, 10)).map(({ type }) => type)).toEqual(['ahead', 'after']);
  });

  it('seals events after their commit, woken by a hint and not by its next poll', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date', 'performance'] });
    const notifier = new InMemoryNotifier();
    const hinted = new PostgresEventLog(db.database, notifier, new SystemClock());
    const relay = new EventRelay(db.dataSource, notifier, db.partitions);
    relay.onApplicationBootstrap();
    const sealed = new Promise<void>((resolve) => {
      notifier.subscribe('events', (what) => {
        if (what === 'sealed') resolve();
      });
    });
    await hinted.add(aFact());
    await sealed;
    expect(await hinted.lastSeq()).toBe(1);
    await relay.onApplicationShutdown();
    jest.useRealTimers();
  });
});
