import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { describeRateLimitStore } from '@app/rate-limit/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { eventually } from '../../../test/support/deadline.js';
import { PostgresRateLimitStore, unpublishedMax } from './postgres-rate-limit-store.js';

Logger.overrideLogger(false);

describeRateLimitStore('in PostgreSQL', async (now) => {
  const { dataSource, close } = await openTestDatabase();
  const store = new PostgresRateLimitStore(dataSource, now);
  return { store, close: async () => (await store.onApplicationShutdown(), close()) };
});

describe('rate limits of several replicas', () => {
  const WINDOW_MS = 1_000;
  let database: OpenTestDatabase;
  const stores: PostgresRateLimitStore[] = [];

  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.onApplicationShutdown();
  });
  afterAll(() => database.close());

  const replica = (source: { query(sql: string, parameters?: any[]): Promise<any> } = database.dataSource) => {
    const store = new PostgresRateLimitStore(source, undefined, WINDOW_MS);
    stores.push(store);
    return store;
  };

  /** The most requests allowed in any window; slightly shorter, as a time is recorded after the decision. */
  const most = (times: readonly number[]): number => {
    const sorted = [...times].sort((a, b) => a - b);
    let first = 0;
    return Math.max(
      ...sorted.map((time, i) => {
        while (sorted[first]! <= time - (WINDOW_MS - 50)) first++;
        return i - first + 1;
      }),
    );
  };

  it.each([
    [2, 100],
    [3, 20],
    [4, 7],
    [2, 1],
  ])(
    '%d replicas allow no more than the limit of %d and the slack, under load on all of them',
    async (count, limit) => {
      const key = `load-${count}-${limit}`;
      const replicas = Array.from({ length: count }, () => replica());
      const until = performance.now() + 2.5 * WINDOW_MS;
      const times: number[] = [];
      const client = async (store: PostgresRateLimitStore) => {
        while (performance.now() < until) {
          const { isAllowed } = await store.hit(key, limit);
          if (isAllowed) times.push(performance.now());
          // Refusals need no database: yield to other tasks.
          else await new Promise((resolve) => setImmediate(resolve));
        }
      };
      await Promise.all(replicas.flatMap((store) => Array.from({ length: 10 }, () => client(store))));
      expect(most(times)).toBeLessThanOrEqual(limit + (count - 1) * unpublishedMax(limit));
      // And not far fewer: two whole windows have passed.
      expect(times.length).toBeGreaterThanOrEqual(2 * limit);
    },
  );

  it('learn of each other quickly, without making a request wait', async () => {
    const [here, there] = [replica(), replica()];
    for (let i = 0; i < 10; i++) await here.hit('shared', 100);
    await eventually(async () => (await there.hit('shared', 100)).remaining < 90);
  });

  it('query the database once for many requests, and never for a refusal', async () => {
    let statements = 0;
    const store = replica({ query: (sql, parameters) => (statements++, database.dataSource.query(sql, parameters)) });
    let allowed = 0;
    for (let i = 0; i < 1_000; i++) if ((await store.hit('few', 100)).isAllowed) allowed++;
    expect(allowed).toBe(100);
    expect(statements).toBeLessThanOrEqual(2 * 10 + 5);
  });

  it('decide locally while the database is unavailable, without waiting, and share again after it recovers', async () => {
    const mode = { answers: 'no' };
    const source = {
      query: (sql: string, parameters?: any[]) =>
        mode.answers === 'yes' ? database.dataSource.query(sql, parameters) : Promise.reject(new Error('away')),
    };
    const [here, there] = [replica(source), replica(source)];
    const burst = async (store: PostgresRateLimitStore) => {
      const verdicts = await Promise.all(Array.from({ length: 80 }, () => store.hit('outage', 50)));
      return verdicts.filter(({ isAllowed }) => isAllowed).length;
    };
    expect(await burst(here)).toBe(50);
    expect(await burst(there)).toBe(50);
    mode.answers = 'yes';
    await eventually(async () => (await here.hit('outage', 1_000)).remaining < 1_000 - 95);
  });

  it('wait at most a second for a database that does not respond', async () => {
    const store = new PostgresRateLimitStore({ query: () => new Promise(() => undefined) });
    stores.push(store);
    const verdicts = Promise.all(Array.from({ length: 80 }, () => store.hit('hang', 50)));
    // Timers of one process are late together.
    expect(await Promise.race([verdicts, delay(2_000, 'it waits')])).not.toBe('it waits');
    expect((await verdicts).filter(({ isAllowed }) => isAllowed)).toHaveLength(50);
  });

  it('forget idle keys, and delete expired rows', async () => {
    let now = 0;
    const store = new PostgresRateLimitStore(database.dataSource, () => now, 50);
    stores.push(store);
    for (let i = 0; i < 200; i++) await store.hit(`idle-${i}`, 10);
    await eventually(async () => (await rows('idle-%')) === 200);
    now += 20_000;
    await store.hit('busy', 10);
    expect(store.size).toBe(1);
    await eventually(async () => {
      now += 20_000;
      await store.hit('busy', 10);
      return (await rows('idle-%')) === 0;
    });
  });

  const rows = async (keys: string): Promise<number> => {
    const [row] = await database.dataSource.query('SELECT count(*)::int FROM rate_limit_hits WHERE key LIKE $1', [
      keys,
    ]);
    return row.count;
  };
});
