import { newId } from '@app/kernel';
import { type OpenTestDatabase, PARTITIONED_TABLES, openTestDatabase } from '@app/database/testing';
import { Logger } from '@nestjs/common';
import { PartitionKeeper } from './partition-keeper.js';
import { neededPartitions } from './partitions.js';

describe('PartitionKeeper', () => {
  const DAY_MS = 86_400_000;
  let db: OpenTestDatabase;
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => (db = await openTestDatabase()));
  afterEach(() => db.close());

  const partitions = async (table: string): Promise<string[]> => {
    const rows: { name: string }[] = await db.dataSource.query(
      'SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) ORDER BY 1',
      [table],
    );
    return rows.map(({ name }) => name);
  };

  it('makes what is needed; a second round changes nothing', async () => {
    const keeper = new PartitionKeeper(db.dataSource, PARTITIONED_TABLES);
    const now = new Date();
    await keeper.keep(now);
    const once = await Promise.all(PARTITIONED_TABLES.map(({ table }) => partitions(table)));
    await keeper.keep(now);
    expect(await Promise.all(PARTITIONED_TABLES.map(({ table }) => partitions(table)))).toEqual(once);
    for (const [i, table] of PARTITIONED_TABLES.entries()) {
      const needed = neededPartitions(table, now).map(({ name }) => name);
      expect(once[i]).toEqual(expect.arrayContaining(needed));
    }
  });

  it('takes turns with other replicas', async () => {
    const other = await db.anotherReplica();
    const later = new Date(Date.now() + 20 * DAY_MS);
    const keepers = [db.dataSource, other.dataSource, db.dataSource].map(
      (source) => new PartitionKeeper(source, PARTITIONED_TABLES),
    );
    await Promise.all(keepers.map((keeper) => keeper.keep(later)));
    for (const table of PARTITIONED_TABLES) {
      const needed = neededPartitions(table, later).map(({ name }) => name);
      expect(await partitions(table.table)).toEqual(expect.arrayContaining(needed));
    }
  });

  it('drops what is past its retention, with its rows, and nothing else', async () => {
    const keeper = new PartitionKeeper(db.dataSource, PARTITIONED_TABLES);
    const before = await partitions('command_output');
    await db.dataSource.query(
      `INSERT INTO command_output (command_id, stream, stream_offset, position, length, data) VALUES ($1, 1, 0, 0, 1, 'x')`,
      [newId('cmd')],
    );
    const later = new Date(Date.now() + 32 * DAY_MS);
    await keeper.keep(later);
    await keeper.keep(later);
    const left = await partitions('command_output');
    expect(left).not.toEqual(expect.arrayContaining(before.slice(0, 1)));
    expect(await db.dataSource.query('SELECT 1 FROM command_output')).toEqual([]);
    expect((await partitions('commands')).length).toBeGreaterThanOrEqual(3);
  });

  it('has room for ids and events made on the first and the last moment of every day', async () => {
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

  it('keeps readers of a table that it works on waiting for no longer than a moment', async () => {
    const keeper = new PartitionKeeper(db.dataSource, PARTITIONED_TABLES);
    const later = new Date(Date.now() + 5 * DAY_MS);
    const [, rows] = await Promise.all([keeper.keep(later), db.dataSource.query('SELECT count(*) FROM commands')]);
    expect(rows).toHaveLength(1);
  });
});
