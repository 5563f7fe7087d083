import { describeTransactor } from '@app/kernel/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { Logger } from '@nestjs/common';
import type { Database } from './database.js';

describeTransactor('PostgreSQL', async () => {
  const { database, anotherReplica, close } = await openTestDatabase();
  const observer = (await anotherReplica()).database;
  await database.query('CREATE TABLE things (key text PRIMARY KEY)');
  return {
    transactor: database,
    put: async (key) => {
      await database.query('INSERT INTO things (key) VALUES ($1)', [key]);
    },
    committed: async () => (await observer.query<{ key: string }>('SELECT key FROM things')).map(({ key }) => key),
    close,
  };
});

describe('a database that fails', () => {
  let db: OpenTestDatabase;
  let said: object[];
  beforeAll(async () => (db = await openTestDatabase()));
  beforeEach(() => {
    said = [];
    const say = (fields: object, ...rest: unknown[]): void => void said.push({ ...fields, message: rest[0] });
    Logger.overrideLogger({ log: say, warn: say, error: say });
  });
  afterAll(async () => {
    Logger.overrideLogger(false);
    await db.close();
  });
  const failWith = (database: Database, code: string): Promise<unknown> =>
    database.query(`DO $$ BEGIN RAISE EXCEPTION 'no room in "base/1/2"' USING ERRCODE = '${code}'; END $$`);

  it.each([
    ['53100', 'The disk of the database is full.'],
    ['53200', 'The database is out of memory.'],
    ['53300', 'The database has no connection left.'],
  ])(
    'with %s reports the reason, to the client without details and to the log with them, once',
    async (code, words) => {
      const { database } = await db.anotherReplica();
      const failures = await Promise.allSettled([
        ...Array.from({ length: 20 }, () => failWith(database, code)),
        database.run(() => failWith(database, code)),
      ]);
      for (const failure of failures)
        expect(failure).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE', message: words } });
      expect(said).toEqual([{ err: expect.objectContaining({ code }), message: words }]);
    },
  );

  it('logs nothing for a wrong statement', async () => {
    const { database } = await db.anotherReplica();
    await expect(failWith(database, '42601')).rejects.toMatchObject({ code: '42601' });
    expect(said).toEqual([]);
  });
});
