import { randomBytes } from 'node:crypto';
import { type OpenTestDatabase, createApiRole, openTestDatabase } from '@app/database/testing';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { createEmptyDatabase } from '../../../test/support/database.js';
import { FUNCTION_GRANTS, RoleRefused, TABLE_GRANTS } from './grants.js';
import { SchemaBehind, migrate } from './migrate.js';
import { migrations } from './migrations/index.js';

const server = process.env.TEST_DATABASE_URL ?? '';

async function execute(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

describe('the role of the API, where another role owns the tables', () => {
  let db: OpenTestDatabase;
  let month: string;
  beforeAll(async () => {
    Logger.overrideLogger(false);
    db = await openTestDatabase(4, 'API role');
    await db.database.query(
      `INSERT INTO events (seq, id, type, at, target, outcome, actor, data, hash)
       VALUES (1, 'evt_1', 'x', now(), 't', 'allowed', '{}', '{}', '\\x00'), (2, 'evt_2', 'x', now(), 't', 'allowed', '{}', '{}', NULL)`,
    );
    await db.database.query(
      `INSERT INTO audit_checkpoints (seq, hash, at, key_id, signature) VALUES (1, '\\x00', now(), 'k', 's')`,
    );
    const [row] = await db.database.query<{ name: string }>(
      'SELECT DISTINCT tableoid::regclass::text AS name FROM events',
    );
    month = row!.name;
  });
  afterAll(() => db.close());

  it.each([
    ['UPDATE of a record', `UPDATE events SET outcome = 'denied' WHERE seq = 1`],
    ['UPDATE of a record without a seal', `UPDATE events SET outcome = 'denied' WHERE seq = 2`],
    ['UPDATE of a record before it is sealed', `UPDATE pending_events SET outcome = 'denied'`],
    ['UPDATE of a seal', `UPDATE events SET hash = NULL WHERE seq = 1`],
    ['UPDATE of a partition', `UPDATE %month SET outcome = 'denied'`],
    ['DELETE of a record', 'DELETE FROM events WHERE seq = 1'],
    ['DELETE of a record without a seal', 'DELETE FROM events WHERE seq = 2'],
    ['DELETE from a partition', 'DELETE FROM %month'],
    ['INSERT into a partition', 'INSERT INTO %month SELECT * FROM events'],
    ['TRUNCATE', 'TRUNCATE events'],
    ['TRUNCATE of a partition', 'TRUNCATE %month'],
    ['UPDATE of a checkpoint', 'UPDATE audit_checkpoints SET seq = 2'],
    ['DELETE of a checkpoint', 'DELETE FROM audit_checkpoints'],
    ['TRUNCATE of checkpoints', 'TRUNCATE audit_checkpoints'],
    ['DELETE of a key', 'DELETE FROM audit_keys'],
    ['UPDATE of the id of the install', 'UPDATE install SET id = gen_random_uuid()'],
    ['DELETE of the head', 'DELETE FROM event_log_head'],
    ['a change of the record of migrations', `DELETE FROM applied_migrations`],
    ['DISABLE TRIGGER', 'ALTER TABLE events DISABLE TRIGGER ALL'],
    ['DISABLE TRIGGER of a partition', 'ALTER TABLE %month DISABLE TRIGGER ALL'],
    ['DROP TRIGGER', 'DROP TRIGGER events_keep_sealed ON events'],
    [
      'a trigger of its own',
      'CREATE TRIGGER t BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse_truncate()',
    ],
    ['a rule of its own', 'CREATE RULE r AS ON INSERT TO events DO INSTEAD NOTHING'],
    ['DETACH PARTITION', 'ALTER TABLE events DETACH PARTITION %month'],
    ['DROP TABLE', 'DROP TABLE events'],
    ['DROP TABLE of a partition', 'DROP TABLE %month'],
    ['DROP of a recent partition by the function', `SELECT drop_partition('events', '%month')`],
    ['DROP of another table by the function', `SELECT drop_partition('events', 'audit_checkpoints')`],
    ['DROP of a partition of another table by the function', `SELECT drop_partition('commands', '%month')`],
    ['a partition of another table by the function', `SELECT create_partition('audit_keys', 'audit_keys_p202601')`],
    ['a partition by another name', `SELECT create_partition('events', 'events_p202601; DROP TABLE events')`],
    ['a partition of no month', `SELECT create_partition('events', 'events_p202613')`],
    ['a change of another table by the function', `SELECT refresh_partitions('audit_keys')`],
    ['session_replication_role', 'SET session_replication_role = replica'],
    ['SET ROLE of the owner', `SET ROLE ${new URL(server).username}`],
    ['replacing keep_sealed_event', functionOf('keep_sealed_event')],
    ['replacing refuse_truncate', functionOf('refuse_truncate')],
    ['replacing refuse_change', functionOf('refuse_change')],
    ['ALTER FUNCTION', 'ALTER FUNCTION drop_partition(text, text) SET search_path = pg_temp'],
    ['functions of its own', 'CREATE FUNCTION format(text, text) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$'],
    ['tables of its own', 'CREATE TABLE events_p203001 (seq bigint)'],
    ['roles', `CREATE ROLE another`],
  ])('is refused %s', async (_what, sql) => {
    await expect(db.database.query(sql.replaceAll('%month', month))).rejects.toThrow(
      /permission denied|must be owner|append-only|is no partition|has no partitions|less than 30 days|out of range/,
    );
    expect(await db.database.query('SELECT seq::int AS seq, outcome FROM events ORDER BY seq')).toEqual([
      { seq: 1, outcome: 'allowed' },
      { seq: 2, outcome: 'allowed' },
    ]);
  });

  it('cannot redirect the functions by temporary objects or settings', async () => {
    const name = 'command_output_p199901';
    await db.dataSource.transaction(async (manager) => {
      await manager.query('SET LOCAL search_path = pg_temp, public');
      await manager.query('CREATE TEMP TABLE commands (id text)');
      await manager.query(`SELECT create_partition('commands', 'commands_p199901')`);
    });
    const [row] = await db.database.query<{ parent: string }>(
      `SELECT inhparent::regclass::text AS parent FROM pg_inherits WHERE inhrelid = 'public.commands_p199901'::regclass`,
    );
    expect([row?.parent, name]).toEqual([expect.stringMatching(/^(public\.)?commands$/), name]);
  });

  it('may seal a record that a former release has moved, and change the head, which verification finds', async () => {
    await db.dataSource
      .transaction(async (manager) => {
        await manager.query(`UPDATE events SET hash = '\\x01' WHERE seq = 2`);
        await manager.query('UPDATE event_log_head SET sealed_seq = 1, last_seq = 1');
        throw new Error('undone');
      })
      .catch((error: unknown) => {
        expect(error).toMatchObject({ message: 'undone' });
      });
  });

  it('has a decision for each table and function', async () => {
    const tables = await db.database.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
       AND relnamespace = current_schema()::regnamespace`,
    );
    expect(tables.map(({ name }) => name).sort()).toEqual(Object.keys(TABLE_GRANTS).sort());
    const functions = await db.database.query<{ name: string }>(
      `SELECT oid::regprocedure::text AS name FROM pg_proc
       WHERE pronamespace = current_schema()::regnamespace AND prorettype <> 'trigger'::regtype
       AND has_function_privilege(oid, 'EXECUTE')`,
    );
    expect(functions.map(({ name }) => name.replaceAll(',', ', ')).sort()).toEqual([...FUNCTION_GRANTS].sort());
  });

  it('calls functions of the owner that nobody else may call, and whose search_path is fixed', async () => {
    const rows = await db.database.query<{ name: string; path: string; isPublic: boolean }>(
      `SELECT proname AS name, proconfig[1] AS path, EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0) OR proacl IS NULL AS "isPublic"
       FROM pg_proc WHERE prosecdef AND pronamespace = current_schema()::regnamespace ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['create_partition', 'drop_partition', 'refresh_partitions']);
    for (const { path, isPublic } of rows) expect([path, isPublic]).toEqual(['search_path=public, pg_temp', false]);
  });
});

function functionOf(name: string): string {
  return `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$`;
}

describe('migrations by an owner', () => {
  let owner: string;
  let drop: () => Promise<void>;
  const roles: string[] = [];
  beforeEach(async () => ({ url: owner, drop } = await createEmptyDatabase()));
  afterEach(async () => {
    await drop();
    for (const role of roles.splice(0)) await execute(server, `DROP ROLE IF EXISTS ${role}`);
  });
  const urlOf = (kind: string): string => {
    const url = new URL(owner);
    url.username = `rdev_${kind}_${randomBytes(4).toString('hex')}`;
    roles.push(url.username);
    return url.href;
  };
  const nameOf = (url: string): string => new URL(url).username;
  const create = async (url: string): Promise<string> => {
    await execute(server, `CREATE ROLE ${nameOf(url)} LOGIN PASSWORD '${new URL(url).password}'`);
    return url;
  };
  const privileges = async (apiUrl: string): Promise<unknown> =>
    execute(
      owner,
      `SELECT relname, relacl::text, NULL AS attname FROM pg_class WHERE relacl::text LIKE '%${nameOf(apiUrl)}%'
       UNION ALL SELECT attrelid::regclass::text, attacl::text, attname FROM pg_attribute WHERE attacl::text LIKE '%${nameOf(apiUrl)}%'
       ORDER BY 1, 3`,
    );

  it('create the role of the API, and repeat nothing', async () => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    const before = await privileges(apiUrl);
    await migrate(owner, { apiUrl });
    expect(await privileges(apiUrl)).toEqual(before);
    await migrate(apiUrl);
    await expect(execute(apiUrl, 'DELETE FROM audit_keys')).rejects.toThrow('permission denied');
  });

  it('take back what the role was given otherwise, and give back what it lacks', async () => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    const before = await privileges(apiUrl);
    await execute(
      owner,
      `GRANT ALL ON events, install TO ${nameOf(apiUrl)}`,
      `REVOKE ALL ON commands FROM ${nameOf(apiUrl)}`,
    );
    await migrate(owner, { apiUrl });
    expect(await privileges(apiUrl)).toEqual(before);
  });

  it.each([
    ['all tables, partitions included', ['GRANT ALL ON ALL TABLES IN SCHEMA public TO %role']],
    [
      'a column',
      ['GRANT UPDATE (outcome), REFERENCES (id) ON events TO %role', 'GRANT INSERT (id) ON install TO %role'],
    ],
    ['a partition', ['GRANT DELETE, TRIGGER ON events_p203001 TO %role']],
    ['a column of a partition', ['GRANT UPDATE (outcome) ON events_p203001 TO %role']],
  ])('take back what the role was given on %s', async (_what, grants) => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    await execute(owner, `SELECT create_partition('events', 'events_p203001')`);
    const before = await privileges(apiUrl);
    await execute(owner, ...grants.map((grant) => grant.replace('%role', nameOf(apiUrl))));
    expect(await privileges(apiUrl)).not.toEqual(before);
    await migrate(owner, { apiUrl });
    expect(await privileges(apiUrl)).toEqual(before);
  });

  it.each(['', 'IN SCHEMA public'])('take back default privileges of the role %s', async (where) => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    await execute(owner, `ALTER DEFAULT PRIVILEGES ${where} GRANT ALL ON TABLES TO ${nameOf(apiUrl)}`);
    await migrate(owner, { apiUrl });
    await execute(owner, `SELECT create_partition('events', 'events_p203001')`);
    await expect(execute(apiUrl, 'DELETE FROM events_p203001')).rejects.toThrow('permission denied');
  });

  it('say what to do if a partition is open to all, or the role could make itself the owner', async () => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    await execute(
      owner,
      `SELECT create_partition('events', 'events_p203001')`,
      'GRANT TRIGGER ON events_p203001 TO PUBLIC',
    );
    await expect(migrate(owner, { apiUrl })).rejects.toThrow('from PUBLIC');
    await execute(owner, 'REVOKE ALL ON events_p203001 FROM PUBLIC');
    await migrate(owner, { apiUrl });
    await execute(server, `ALTER ROLE ${nameOf(apiUrl)} CREATEROLE`);
    await expect(migrate(owner, { apiUrl })).rejects.toThrow(`ALTER ROLE "${nameOf(apiUrl)}" NOCREATEROLE;`);
  });

  it.each([
    ['a table', ['GRANT DELETE ON events TO %group']],
    ['a column', ['GRANT UPDATE (outcome) ON events TO %group']],
    ['a partition', ['GRANT DELETE ON events_p203001 TO %group']],
    ['the schema', ['GRANT CREATE ON SCHEMA public TO %group']],
  ])(
    'refuse a role that inherits nothing, but can SET ROLE to one with more privileges on %s',
    async (_what, grants) => {
      const [apiUrl, group] = [urlOf('api'), nameOf(await create(urlOf('group')))];
      await migrate(owner, { apiUrl });
      await execute(owner, `SELECT create_partition('events', 'events_p203001')`);
      await execute(owner, `ALTER ROLE ${nameOf(apiUrl)} NOINHERIT`, `GRANT ${group} TO ${nameOf(apiUrl)}`);
      await migrate(owner, { apiUrl });
      await execute(owner, ...grants.map((grant) => grant.replace('%group', group)));
      await expect(migrate(owner, { apiUrl })).rejects.toThrow('as a member of another role');
      await execute(owner, `REVOKE ${group} FROM ${nameOf(apiUrl)}`);
      await migrate(owner, { apiUrl });
    },
  );

  it.each([
    ['INSERT ON pending_events', 'a record could not be written'],
    ['UPDATE (hash) ON events', 'a record could not be sealed'],
    ['EXECUTE ON FUNCTION drop_partition(text, text)', 'a month could not be dropped'],
  ])('are not complete for an API without %s: %s', async (privilege) => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    await migrate(apiUrl, { patienceMs: 0 });
    await execute(owner, `REVOKE ${privilege} FROM ${nameOf(apiUrl)}`);
    await expect(migrate(apiUrl, { patienceMs: 0 })).rejects.toThrow('privileges of the role');
    await migrate(owner, { apiUrl });
    await migrate(apiUrl, { patienceMs: 0 });
  });

  it('split a database that one role has used', async () => {
    await migrate(owner);
    const { url: apiUrl, drop: dropRole } = await createApiRole(owner);
    roles.push(nameOf(apiUrl));
    await migrate(apiUrl);
    await expect(execute(apiUrl, 'TRUNCATE events')).rejects.toThrow('permission denied');
    expect(dropRole).toBeDefined();
  });

  it('leave a table that nothing was decided about to the owner', async () => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    await execute(owner, 'CREATE TABLE later (id text)');
    await migrate(owner, { apiUrl });
    await expect(execute(apiUrl, 'SELECT FROM later')).rejects.toThrow('permission denied');
  });

  it('say what to do if the role does not exist and they cannot create it', async () => {
    const plain = await create(urlOf('owner'));
    await execute(owner, `GRANT CREATE ON SCHEMA public TO ${nameOf(plain)}`);
    const apiUrl = urlOf('api');
    const migrated = migrate(plain, { apiUrl });
    await expect(migrated).rejects.toThrow(RoleRefused);
    await expect(migrated).rejects.toThrow(`CREATE ROLE "${nameOf(apiUrl)}" LOGIN PASSWORD '…';`);
  });

  it('say what to do if the role could create objects, or has privileges from PUBLIC', async () => {
    const apiUrl = urlOf('api');
    await migrate(owner, { apiUrl });
    const name = nameOf(apiUrl);
    await execute(owner, `GRANT CREATE ON SCHEMA public TO ${name}`);
    await expect(migrate(owner, { apiUrl })).rejects.toThrow('REVOKE CREATE ON SCHEMA "public" FROM PUBLIC');
    await execute(owner, `REVOKE CREATE ON SCHEMA public FROM ${name}`, 'GRANT DELETE ON audit_keys TO PUBLIC');
    await expect(migrate(owner, { apiUrl })).rejects.toThrow('from PUBLIC');
  });

  it('say what to do if another role owns the tables', async () => {
    await migrate(owner);
    const other = await create(urlOf('owner'));
    await expect(migrate(other, { apiUrl: owner })).rejects.toThrow('REASSIGN OWNED');
  });

  it('change nothing where both URLs are those of the same role', async () => {
    await migrate(owner, { apiUrl: owner });
    await migrate(owner, { apiUrl: owner });
    expect(await execute(owner, 'SELECT FROM applied_migrations')).toHaveLength(migrations.length);
  });

  it('are waited for by the API', async () => {
    const apiUrl = await create(urlOf('api'));
    const waiting = migrate(apiUrl);
    const ended = jest.fn();
    void waiting.then(ended);
    await expect(migrate(apiUrl, { patienceMs: 0 })).rejects.toThrow(SchemaBehind);
    await migrate(owner);
    await expect(migrate(apiUrl, { patienceMs: 0 })).rejects.toThrow('DATABASE_OWNER_URL');
    expect(ended).not.toHaveBeenCalled();
    await migrate(owner, { apiUrl });
    await waiting;
  });
});
