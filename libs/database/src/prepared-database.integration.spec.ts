import { Unavailable } from '@app/kernel';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { PreparedDatabase } from './prepared-database.js';

const PREPARED = 'SELECT statement FROM pg_prepared_statements ORDER BY statement';

describe('PreparedDatabase', () => {
  let test: OpenTestDatabase;
  let database: PreparedDatabase;
  let nowMs = 0;
  beforeEach(async () => {
    test = await openTestDatabase();
    database = await test.prepared(1, () => nowMs);
  });
  afterEach(() => test.close());

  const prepared = (): Promise<{ statement: string }[]> => database.manager.query(PREPARED);

  it('prepares a statement once, whatever its parameters', async () => {
    const sql = 'SELECT $1::int + 1 AS sum';
    for (const value of [1, 2, 3]) expect(await database.query(sql, [value])).toEqual([{ sum: value + 1 }]);
    expect(await prepared()).toEqual([{ statement: sql }]);
  });

  it('returns the rows of UPDATE and DELETE', async () => {
    await database.query('CREATE TABLE things (key int)');
    await database.query('INSERT INTO things VALUES (1), (2)');
    expect(await database.query('UPDATE things SET key = key + 1 WHERE key = $1 RETURNING key', [2])).toEqual([
      { key: 3 },
    ]);
    expect(await database.query('DELETE FROM things RETURNING key')).toEqual([{ key: 1 }, { key: 3 }]);
  });

  it('runs the statements of a transaction in it', async () => {
    await database.query('CREATE TABLE things (key int)');
    const work = database.run(async () => {
      await database.query('INSERT INTO things VALUES (1)');
      throw new Error('No.');
    });
    await expect(work).rejects.toThrow('No.');
    expect(await database.query('SELECT key FROM things')).toEqual([]);
  });

  it('keeps a plan for ten seconds, however the table changes meanwhile', async () => {
    const sql = 'SELECT key FROM things WHERE key > $1';
    const look = async (): Promise<string> => {
      await database.query(sql, [0]);
      const [{ name }] = await database.manager.query(
        "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%things%'",
      );
      const [line] = await database.manager.query(`EXPLAIN EXECUTE "${name}" (0)`);
      return line['QUERY PLAN'];
    };
    await test.database.query('CREATE TABLE things (key int PRIMARY KEY) WITH (autovacuum_enabled = false)');
    const plan = await look();
    await test.database.query('INSERT INTO things SELECT generate_series(1, 10000)');
    nowMs += 9_999;
    expect(await look()).toBe(plan);
    nowMs += 1;
    await look();
    expect(await look()).not.toBe(plan);
  });

  it('retries to open on a server that accepts no connections at first', async () => {
    const { hostname, port } = new URL(test.url);
    let connections = 0;
    const proxy = createServer((socket) => {
      socket.on('error', () => undefined);
      if (++connections <= 2) socket.destroy();
      else socket.pipe(connect(Number(port), hostname)).pipe(socket);
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const url = Object.assign(new URL(test.url), {
      host: `127.0.0.1:${String((proxy.address() as AddressInfo).port)}`,
    });
    const opened = await PreparedDatabase.open(url.href, 1);
    expect(await opened.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await opened.onApplicationShutdown();
    proxy.close();
  });

  it('uses another session after one has ended', async () => {
    const sql = 'SELECT pg_backend_pid() AS pid';
    const [before] = await database.query<{ pid: number }>(sql);
    await expect(database.query('SELECT pg_terminate_backend(pg_backend_pid())')).rejects.toThrow(Unavailable);
    let after: { pid: number } | undefined;
    while (after === undefined) [after] = await database.query<{ pid: number }>(sql).catch(() => []);
    expect(after.pid).not.toBe(before?.pid);
    expect((await prepared()).map(({ statement }) => statement)).toContain(sql);
  });
});
