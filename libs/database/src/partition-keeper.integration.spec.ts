import { FakeClock } from '@app/kernel/testing';
import { newId } from '@app/kernel';
import { type OpenTestDatabase, PARTITIONED_TABLES, ROLES, openTestDatabase } from '@app/database/testing';
import { Logger } from '@nestjs/common';
import { eventually } from '../../../test/support/deadline.js';
import { PartitionKeeper } from './partition-keeper.js';
import { LOCKS } from './locks.js';
import { PartitionStore } from './partition-store.js';
import { neededPartitions, partitionNamed, timeOf } from './partitions.js';

describe.each(ROLES)('PartitionKeeper, as the %s,', (role) => {
  const DAY_MS = 86_400_000;
  let db: OpenTestDatabase;
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => (db = await openTestDatabase(10, role)));
  afterEach(() => db.close());

  const partitions = async (table: string): Promise<string[]> => {
    const rows: { name: string }[] = await db.dataSource.query(
      'SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) ORDER BY 1',
      [table],
    );
    return rows.map(({ name }) => name);
  };
  const all = async (): Promise<string[][]> => Promise.all(PARTITIONED_TABLES.map(({ table }) => partitions(table)));
  const keeper = (
    daysAhead: number,
    differenceMs = 0,
    replica: Pick<OpenTestDatabase, 'database' | 'partitions'> = db,
  ) => {
    const clock = new FakeClock(new Date(Date.now() + daysAhead * DAY_MS));
    clock.differenceMs = differenceMs;
    return new PartitionKeeper(replica.database, replica.partitions, clock);
  };
  const storeOutput = (id: string): Promise<unknown> =>
    db.dataSource.query(
      `INSERT INTO command_output (command_id, stream, stream_offset, position, length, data) VALUES ($1, 1, 0, 0, 1, 'x')`,
      [id],
    );

  it('creates the required partitions; a second round changes nothing', async () => {
    await keeper(0).keep();
    const once = await all();
    await keeper(0).keep();
    expect(await all()).toEqual(once);
    for (const [i, table] of PARTITIONED_TABLES.entries()) {
      const needed = neededPartitions(table, new Date()).map(({ name }) => name);
      expect(once[i]).toEqual(expect.arrayContaining(needed));
    }
  });

  it('runs concurrently with other replicas', async () => {
    const other = await db.anotherReplica();
    await Promise.all([db, other, db].map((replica) => keeper(20, 0, replica).keep()));
    for (const table of PARTITIONED_TABLES) {
      const needed = neededPartitions(table, new Date(Date.now() + 20 * DAY_MS)).map(({ name }) => name);
      expect(await partitions(table.table)).toEqual(expect.arrayContaining(needed));
    }
  });

  it('drops partitions past their retention, and nothing else', async () => {
    const before = await partitions('command_output');
    await storeOutput(newId('cmd'));
    await keeper(32).keep();
    await keeper(32).keep();
    const left = await partitions('command_output');
    expect(left).not.toEqual(expect.arrayContaining(before.slice(0, 1)));
    expect(await db.dataSource.query('SELECT 1 FROM command_output')).toEqual([]);
    expect((await partitions('commands')).length).toBeGreaterThanOrEqual(3);
  });

  it.each([120_000, -120_000, 32 * DAY_MS])(
    'drops nothing if the clocks differ by %i ms, and still creates the required partitions',
    async (differenceMs) => {
      const before = await all();
      await storeOutput(newId('cmd'));
      await keeper(32, differenceMs).keep();
      for (const [i, names] of (await all()).entries()) expect(names).toEqual(expect.arrayContaining(before[i]!));
      expect(await db.dataSource.query('SELECT 1 FROM command_output')).toHaveLength(1);
      const needed = neededPartitions(PARTITIONED_TABLES[1]!, new Date(Date.now() + 32 * DAY_MS));
      expect(await partitions('command_output')).toEqual(expect.arrayContaining(needed.map(({ name }) => name)));
    },
  );

  it('has partitions for ids and events of the first and last moment of every day', async () => {
    const table = PARTITIONED_TABLES[2]!;
    for (const { from, to } of neededPartitions(table, new Date())) {
      for (const at of [from, new Date(to.getTime() - 1)]) {
        await db.dataSource.query(
          `INSERT INTO events (seq, id, type, at, target, outcome, actor, data) VALUES ($1, 'e', 't', $2, 'x', 'allowed', '{}', '{}')`,
          [at.getTime(), at],
        );
      }
    }
  });

  it('blocks readers of a table only for a moment', async () => {
    const [, rows] = await Promise.all([keeper(5).keep(), db.dataSource.query('SELECT count(*) FROM commands')]);
    expect(rows).toHaveLength(1);
  });

  it('waits at most a moment for sessions that use the tables for long, such as a dump', async () => {
    const dump = db.owner.createQueryRunner();
    await dump.startTransaction();
    await dump.query('LOCK TABLE commands, command_output, events IN ROW EXCLUSIVE MODE');
    const before = await partitions('command_output');
    // Missing partitions are created, and expired ones stay.
    await keeper(32).keep();
    const made = await partitions('command_output');
    expect(made).toEqual(expect.arrayContaining(before));
    expect(made.length).toBeGreaterThan(before.length);
    await dump.commitTransaction();
    await dump.release();
    await keeper(32).keep();
    expect(await partitions('command_output')).not.toEqual(expect.arrayContaining(before.slice(0, 1)));
  });

  it.each(PARTITIONED_TABLES)('creates a partition of $table as PostgreSQL itself would', async ({ table, key }) => {
    const bounds = key === 'timestamp' ? `('2100-01-01') TO ('2100-02-01')` : `('cmd_7') TO ('cmd_8')`;
    await db.owner.query(`CREATE TABLE expected PARTITION OF ${table} FOR VALUES FROM ${bounds}`);
    const shape = (name: string): Promise<unknown> =>
      db.dataSource.query(
        `SELECT 'column' AS kind, concat_ws(' ', attname, attnum, atttypid, atttypmod, attnotnull, attstorage, attcollation, attislocal,
           attinhcount, pg_get_expr(adbin, adrelid)) AS what
         FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) WHERE attrelid = $1::regclass
         UNION ALL SELECT 'index', concat_ws(' ', inhparent::regclass, indisprimary, substring(pg_get_indexdef(indexrelid), 'USING .*'))
         FROM pg_index LEFT JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = $1::regclass
         UNION ALL SELECT 'trigger', concat_ws(' ', tgname, tgtype, tgparentid > 0) FROM pg_trigger
           WHERE tgrelid = $1::regclass AND tgname NOT LIKE '%refuse_truncate'
         UNION ALL SELECT 'constraint', concat_ws(' ', contype, conislocal, coninhcount, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE conrelid = $1::regclass ORDER BY 1, 2`,
        [name],
      );
    const [made] = await partitions(table);
    expect(await shape(made!)).toEqual(await shape('expected'));
  });

  it.each(PARTITIONED_TABLES)('creates partitions of $table with the bounds that their names say', async (table) => {
    await keeper(0).keep();
    const rows: { name: string; bound: string }[] = await db.dataSource.query(
      `SELECT relname AS name, pg_get_expr(relpartbound, c.oid) AS bound FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
       WHERE inhparent = to_regclass($1)`,
      [table.table],
    );
    expect(rows.length).toBeGreaterThan(3);
    for (const { name, bound } of rows) {
      const { from, to } = partitionNamed(table, name)!;
      const [start, end] = [...bound.matchAll(/'([^']+)'/g)].map(([, value]) => timeOf(table, value!));
      expect([start, end]).toEqual([from, to]);
    }
  });

  it('keeps a month of the log that the database does not drop yet, and goes on', async () => {
    const eager = PARTITIONED_TABLES.map((table) => ({ ...table, retentionDays: 1 }));
    const store = new PartitionStore(db.dataSource, eager);
    const before = await partitions('events');
    await new PartitionKeeper(db.database, store, new FakeClock(new Date(Date.now() + 40 * DAY_MS))).keep();
    expect(await partitions('events')).toEqual(expect.arrayContaining(before));
  });

  describe('a missing partition', () => {
    const YEAR_MS = 366 * DAY_MS;
    const insertOutput = (id: string): Promise<unknown> =>
      db.database.query(
        `INSERT INTO command_output (command_id, stream, stream_offset, position, length, data) VALUES ($1, 1, 0, 0, 1, 'x')`,
        [id],
      );

    it.each([9 * DAY_MS, YEAR_MS, -YEAR_MS])(
      'is created for a row that is %i ms from now, and the statement succeeds',
      async (ms) => {
        const id = newId('cmd', new Date(Date.now() + ms));
        await insertOutput(id);
        await insertOutput(newId('cmd', new Date(Date.now() + ms)));
        expect(await db.dataSource.query('SELECT 1 FROM command_output')).toHaveLength(2);
      },
    );

    it('is created once for concurrent statements', async () => {
      const later = new Date(Date.now() + YEAR_MS);
      await Promise.all(Array.from({ length: 8 }, () => insertOutput(newId('cmd', later))));
      expect(await db.dataSource.query('SELECT 1 FROM command_output')).toHaveLength(8);
    });

    it('is created again if the statement still does not find it', async () => {
      const creates = jest.spyOn(db.partitions, 'createFor').mockResolvedValueOnce(true);
      await insertOutput(newId('cmd', new Date(Date.now() + YEAR_MS)));
      expect(creates).toHaveBeenCalledTimes(2);
    });

    it('is announced to all sessions if it exists, with a lock that blocks no statement', async () => {
      const later = newId('cmd', new Date(Date.now() + YEAR_MS));
      const failure = await storeOutput(later).catch((error: unknown) => error);
      await insertOutput(later);
      const writer = db.dataSource.createQueryRunner();
      await writer.startTransaction();
      await writer.query('DELETE FROM command_output');
      expect(await db.partitions.createFor(failure)).toBe(true);
      await writer.rollbackTransaction();
      await writer.release();
    });

    it('is not reported as created before its transaction has ended', async () => {
      const later = newId('cmd', new Date(Date.now() + YEAR_MS));
      const failure = await storeOutput(later).catch((error: unknown) => error);
      await insertOutput(later);
      const another = db.dataSource.createQueryRunner();
      await another.query('SELECT pg_advisory_lock($1)', [LOCKS.partitions]);
      let isMade = false;
      const made = db.partitions.createFor(failure).then((is) => (isMade = is));
      await eventually(async () => {
        const waiting: unknown[] = await db.dataSource.query(
          `SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database
           WHERE locktype = 'advisory' AND objid = $1 AND NOT granted AND datname = current_database()`,
          [LOCKS.partitions],
        );
        return waiting.length > 0;
      });
      expect(isMade).toBe(false);
      await another.query('SELECT pg_advisory_unlock($1)', [LOCKS.partitions]);
      await another.release();
      expect(await made).toBe(true);
    });

    it('is also created for a transaction, which must be retried', async () => {
      const id = newId('cmd', new Date(Date.now() + YEAR_MS));
      const store = (): Promise<unknown> => db.database.run(() => insertOutput(id));
      await expect(store()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
      await store();
    });

    it('is not created by a query for an unknown id, nor by a row that violates a constraint', async () => {
      const before = await all();
      const id = `cmd_7${'z'.repeat(25)}`;
      for (const table of ['commands', 'command_output']) {
        const column = table === 'commands' ? 'id' : 'command_id';
        expect(await db.database.query(`SELECT 1 FROM ${table} WHERE ${column} = $1`, [id])).toEqual([]);
        expect(await db.database.query(`DELETE FROM ${table} WHERE ${column} = $1 RETURNING 1`, [id])).toEqual([]);
      }
      await expect(db.database.query('INSERT INTO admission_round (id) VALUES (false)')).rejects.toThrow(
        'admission_round_one',
      );
      await expect(insertOutput(id)).rejects.toThrow('no partition');
      expect(await all()).toEqual(before);
    });
  });
});
