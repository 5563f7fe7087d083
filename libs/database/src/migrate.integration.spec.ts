import { randomBytes } from 'node:crypto';
import { until } from '@app/kernel/testing';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { MigrationBlocked, migrate } from './migrate.js';
import { migrations } from './migrations/index.js';

/** Number of migrations of the last release that recorded them in `migrations`. */
const RECORDED_IN_MIGRATIONS = 7;
const NAMES = migrations.map(({ name }) => ({ name }));

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
  // Not FORCE, which may not terminate an autovacuum; a plain DROP cancels it and waits.
  afterEach(() => execute(server, `DROP DATABASE ${name}`));

  const columns = (): Promise<{ line: string }[]> =>
    execute(
      url,
      `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS line
       FROM information_schema.columns WHERE table_schema = 'public' AND table_name !~ 'migrations$' ORDER BY 1`,
    );

  it('migrates an empty database, and finds nothing to do a second time', async () => {
    await migrate(url);
    await migrate(url);
    expect(await execute(url, 'SELECT name FROM applied_migrations ORDER BY id')).toEqual(NAMES);
  });

  it('needs no CREATE privilege if there is nothing to do', async () => {
    await migrate(url);
    await execute(url, 'REVOKE CREATE ON SCHEMA public FROM pg_database_owner');
    await migrate(url);
  });

  it('lets several replicas start concurrently on an empty database', async () => {
    await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(await execute(url, 'SELECT name FROM applied_migrations ORDER BY id')).toEqual(NAMES);
  });

  it('honours the options of the URL, like later sessions', async () => {
    await execute(url, 'CREATE SCHEMA own');
    await migrate(`${url}?options=${encodeURIComponent('-c search_path=own')}`);
    expect(
      await execute(url, `SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname IN ('own', 'public')`),
    ).toEqual([{ schemaname: 'own' }]);
  });

  it('leaves no locks', async () => {
    await migrate(url);
    const locks = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    // The server releases the locks of a session a moment after the client has closed it.
    await until(async () => (await execute(url, locks)).length === 0);
  });

  it('can revert each migration and repeat it', async () => {
    await migrate(url);
    const dataSource = await new DataSource(dataSourceOptions(url, { poolSize: 2 })).initialize();
    try {
      const before = await columns();
      let left = migrations.length;
      while (left-- > 0) await dataSource.undoLastMigration({ transaction: 'each' });
      expect(await columns()).toEqual([]);
      await dataSource.runMigrations();
      expect(await columns()).toEqual(before);
      // One at a time, like a rollback of one release.
      for (let done = 0; done < migrations.length; done++) {
        for (let i = 0; i <= done; i++) await dataSource.undoLastMigration({ transaction: 'each' });
        await dataSource.runMigrations();
        expect(await columns()).toEqual(before);
      }
    } finally {
      await dataSource.destroy();
    }
  });

  it('fails in finite time if it cannot reach the database', async () => {
    await expect(migrate('postgres://nobody@127.0.0.1:1/none')).rejects.toThrow('ECONNREFUSED');
  });

  /** The connection of a replica of that release. */
  const opened = async <T>(options: object, work: (dataSource: DataSource) => Promise<T>): Promise<T> => {
    const dataSource = await new DataSource({ ...dataSourceOptions(url, { poolSize: 2 }), ...options }).initialize();
    return work(dataSource).finally(() => dataSource.destroy());
  };

  describe('next to older releases', () => {
    const OLDER = { migrationsTableName: 'migrations', migrations: migrations.slice(0, RECORDED_IN_MIGRATIONS) };
    const KNOWN_TO_OLDER = NAMES.slice(0, RECORDED_IN_MIGRATIONS);
    const seenByOlder = (): Promise<object[]> => execute(url, 'SELECT name FROM migrations ORDER BY id');

    it('continues from their record and leaves it unchanged, as its newest row makes them ready', async () => {
      await opened(OLDER, (dataSource) => dataSource.runMigrations());
      await migrate(url);
      expect(await seenByOlder()).toEqual(KNOWN_TO_OLDER);
      expect(await execute(url, 'SELECT name FROM applied_migrations ORDER BY id')).toEqual(NAMES);
    });

    it('lets them start on a database that it has created', async () => {
      await migrate(url);
      expect(await seenByOlder()).toEqual(KNOWN_TO_OLDER);
      expect(await opened(OLDER, (dataSource) => dataSource.runMigrations())).toEqual([]);
    });

    it('is ready on a newer schema, and not on an older one', async () => {
      await migrate(url);
      await execute(
        url,
        `INSERT INTO applied_migrations (timestamp, name) VALUES (9999999999999, 'Newer9999999999999')`,
      );
      await migrate(url);
      await opened({}, async (dataSource) => {
        await new Database(dataSource).assertMigrated();
        await dataSource.query('DELETE FROM applied_migrations WHERE name = $1', [NAMES[1]!.name]);
        await expect(new Database(dataSource).assertMigrated()).rejects.toThrow(NAMES[1]!.name);
      });
    });
  });

  describe('while another session uses a table to be changed', () => {
    const WAITING = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'projects'::regclass`;
    let other: pg.Client;
    beforeEach(async () => {
      await opened({ migrations: migrations.slice(0, 2) }, (dataSource) => dataSource.runMigrations());
      other = new pg.Client({ connectionString: url });
      await other.connect();
      await other.query('BEGIN');
      await other.query('LOCK TABLE projects IN ACCESS SHARE MODE');
    });
    afterEach(() => other.end());

    it('gives way to statements that queue behind it, and continues when it can', async () => {
      const migrated = migrate(url, { lockTimeoutMs: 300 });
      await until(async () => (await execute(url, WAITING)).length > 0);
      expect(await execute(url, 'SELECT * FROM projects')).toEqual([]);
      await other.query('COMMIT');
      await migrated;
      expect(await execute(url, 'SELECT name FROM applied_migrations ORDER BY id')).toEqual(NAMES);
    });

    it('gives up in finite time with the reason', async () => {
      const blocked = migrate(url, { lockTimeoutMs: 50, patienceMs: 0 });
      await expect(blocked).rejects.toThrow(MigrationBlocked);
      await expect(blocked).rejects.toThrow('another session has held a lock');
    });

    it('waits for a migration of another replica for as long as it takes', async () => {
      const replicas = [migrate(url, { lockTimeoutMs: 50 }), migrate(url, { lockTimeoutMs: 50 })];
      await until(async () => (await execute(url, WAITING)).length > 0);
      await other.query('COMMIT');
      await Promise.all(replicas);
      expect(await execute(url, 'SELECT name FROM applied_migrations ORDER BY id')).toEqual(NAMES);
    });
  });

  it('repairs the queue for commands that an older release has queued, started and cancelled without it', async () => {
    await opened({ migrations: migrations.slice(0, RECORDED_IN_MIGRATIONS) }, (dataSource) =>
      dataSource.runMigrations(),
    );
    await execute(
      url,
      `CREATE TABLE some_commands PARTITION OF commands FOR VALUES FROM ('a') TO ('z');
       INSERT INTO commands (id, project_id, type, spec, labels, status, priority)
       SELECT id, 'web', 'shell', '{}', '{}', status, 1
       FROM (VALUES ('known', 'queued'), ('posted', 'queued'), ('started', 'running'), ('ended', 'cancelled')) c (id, status);
       INSERT INTO queued_commands (command_id, project_id, key_id, lock, priority, due_at, turn, created_at)
       SELECT id, 'web', '', '', 1, now(), 0, now() FROM commands WHERE id <> 'posted'`,
    );
    await migrate(url);
    const queued = await execute(url, 'SELECT command_id AS id FROM queued_commands ORDER BY 1');
    expect(queued).toEqual([{ id: 'known' }, { id: 'posted' }]);
    expect(await execute(url, 'SELECT project_id, command_id FROM queue_lanes')).toEqual([
      { project_id: 'web', command_id: 'posted' },
    ]);
  });
});
