import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';
import { migrate } from './migrate.js';
import { migrations } from './migrations/index.js';

async function execute<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('migrate', () => {
  const server = process.env.TEST_DATABASE_URL ?? '';
  let name: string;
  let url: string;
  beforeEach(async () => {
    name = `rdev_test_${randomBytes(8).toString('hex')}`;
    await execute(server, `CREATE DATABASE ${name}`);
    url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  });
  // Not by force: that may not end an autovacuum, which a plain DROP ends and waits for.
  afterEach(() => execute(server, `DROP DATABASE ${name}`));

  const columns = (): Promise<{ line: string }[]> =>
    execute(
      url,
      `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS line
       FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations' ORDER BY 1`,
    );

  it('brings an empty database up to date, and finds nothing to do a second time', async () => {
    await migrate(url);
    await migrate(url);
    expect(await execute(url, 'SELECT name FROM migrations ORDER BY id')).toEqual(
      migrations.map(({ name: migration }) => ({ name: migration })),
    );
  });

  it('lets several replicas start at once on an empty database', async () => {
    await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(await execute(url, 'SELECT name FROM migrations')).toHaveLength(migrations.length);
  });

  it('leaves nothing locked behind', async () => {
    await migrate(url);
    expect(
      await execute(
        url,
        `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      ),
    ).toEqual([]);
  });

  it('can take each migration back and do it again', async () => {
    await migrate(url);
    const dataSource = await new DataSource(dataSourceOptions(url, { poolSize: 2 })).initialize();
    try {
      const before = await columns();
      let left = migrations.length;
      while (left-- > 0) await dataSource.undoLastMigration({ transaction: 'each' });
      expect(await columns()).toEqual([]);
      await dataSource.runMigrations();
      expect(await columns()).toEqual(before);
      // One at a time, as a rollback of one release does it.
      for (let done = 0; done < migrations.length; done++) {
        for (let i = 0; i <= done; i++) await dataSource.undoLastMigration({ transaction: 'each' });
        await dataSource.runMigrations();
        expect(await columns()).toEqual(before);
      }
    } finally {
      await dataSource.destroy();
    }
  });

  it('refuses a database that it cannot reach in finite time', async () => {
    await expect(migrate('postgres://nobody@127.0.0.1:1/none')).rejects.toThrow('ECONNREFUSED');
  });
});
