import { setImmediate } from 'node:timers/promises';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import type { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';
import { DrainedDataSource } from './drained-data-source.js';

describe('the end of a data source', () => {
  let db: OpenTestDatabase;
  let dataSource: DataSource;
  beforeAll(async () => (db = await openTestDatabase()));
  beforeEach(
    async () => (dataSource = await new DrainedDataSource(dataSourceOptions(db.url, { poolSize: 2 })).initialize()),
  );
  afterAll(() => db.close());

  it('lets statements and transactions end, also those that wait for a connection', async () => {
    const results = Promise.all([
      dataSource.query('SELECT pg_sleep(0.1)'),
      dataSource.transaction(async (manager) => {
        await manager.query('SELECT pg_sleep(0.1)');
        await manager.query('SELECT pg_sleep(0.1)');
      }),
      dataSource.query('SELECT 1 AS one'),
    ]);
    // A transaction asks for its connection in the next tick.
    await setImmediate();
    const ends = dataSource.destroy();
    expect((await results)[2]).toEqual([{ one: 1 }]);
    await ends;
    expect(dataSource.isInitialized).toBe(false);
  });

  it('cuts those that take longer than its limit', async () => {
    const refused = expect(dataSource.query('SELECT pg_sleep(30)')).rejects.toThrow('Connection terminated');
    await dataSource.destroy();
    await refused;
  });
});
