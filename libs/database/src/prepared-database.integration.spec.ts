import { Unavailable } from '@app/kernel';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import type { PreparedDatabase } from './prepared-database.js';

const PREPARED = 'SELECT statement FROM pg_prepared_statements ORDER BY statement';

describe('the database for prepared statements', () => {
  let test: OpenTestDatabase;
  let database: PreparedDatabase;
  beforeEach(async () => {
    test = await openTestDatabase();
    database = await test.prepared(1);
  });
  afterEach(() => test.close());

  const prepared = (): Promise<{ statement: string }[]> => database.manager.query(PREPARED);

  it('prepares a statement once, whatever its parameters', async () => {
    const sql = 'SELECT $1::int + 1 AS sum';
    for (const value of [1, 2, 3]) expect(await database.query(sql, [value])).toEqual([{ sum: value + 1 }]);
    expect(await prepared()).toEqual([{ statement: sql }]);
  });

  it('answers what UPDATE and DELETE return', async () => {
    await database.query('CREATE TABLE things (key int)');
    await database.query('INSERT INTO things VALUES (1), (2)');
    expect(await database.query('UPDATE things SET key = key + 1 WHERE key = $1 RETURNING key', [2])).toEqual([
      { key: 3 },
    ]);
    expect(await database.query('DELETE FROM things RETURNING key')).toEqual([{ key: 1 }, { key: 3 }]);
  });

  it('runs the statements of a transaction in that', async () => {
    await database.query('CREATE TABLE things (key int)');
    const work = database.run(async () => {
      await database.query('INSERT INTO things VALUES (1)');
      throw new Error('No.');
    });
    await expect(work).rejects.toThrow('No.');
    expect(await database.query('SELECT key FROM things')).toEqual([]);
  });

  it('goes on with another session when one has ended', async () => {
    const sql = 'SELECT pg_backend_pid() AS pid';
    const [before] = await database.query<{ pid: number }>(sql);
    await expect(database.query('SELECT pg_terminate_backend(pg_backend_pid())')).rejects.toThrow(Unavailable);
    let after: { pid: number } | undefined;
    while (after === undefined) [after] = await database.query<{ pid: number }>(sql).catch(() => []);
    expect(after.pid).not.toBe(before?.pid);
    expect((await prepared()).map(({ statement }) => statement)).toContain(sql);
  });
});
