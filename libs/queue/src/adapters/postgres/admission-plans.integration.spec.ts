import { FakeCommandExecutor } from '@app/execution/testing';
import { Database, PLANS_KEPT_MS } from '@app/database';
import { type KeptPlan, ObservedDatabase, type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { fillQueue, fillQueueUnnoticed } from '@app/queue/testing';
import { QueueLimits } from '../../application/queue-limits.js';
import { PostgresAdmission } from './postgres-admission.js';

/**
 * What costs nothing is the scan of an empty partition. The lanes, one row per project and key, are so few that
 * PostgreSQL may choose to read them all where it needs thirty of them.
 */
const BIG = /Seq Scan on (commands|queued_commands)\w*( \w+)? +\(cost=0\.00\.\.(?!0\.00 )/;

/** Explains each statement before it runs, in the transaction and with the parameters that it really has. */
class ExplainingDatabase extends Database {
  readonly plans: string[] = [];

  override async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    const plan = await super.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, parameters);
    this.plans.push(plan.map((line) => line['QUERY PLAN']).join('\n'));
    return super.query<Row>(sql, parameters);
  }
}

describe('admission, with 100,000 commands in 1,000 projects', () => {
  let test: OpenTestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase();
    await fillQueue(test.database, { projects: 1_000, perProject: 100, running: 1 });
  });
  afterAll(() => test.close());

  it('reads no table from one end to the other', async () => {
    const database = new ExplainingDatabase(test.dataSource);
    const admission = new PostgresAdmission(
      database,
      new QueueLimits({ runningPerProjectMax: 5, runningPerReplicaMax: 100, agingSeconds: 300 }),
      new FakeCommandExecutor(),
    );
    expect(await admission.admit('a', 20)).toHaveLength(20);
    await admission.tidy();
    expect(database.plans).toHaveLength(4);
    for (const plan of database.plans) expect(plan).not.toMatch(BIG);
    expect(database.plans.join('\n')).toMatch(/Index.* Scan using queue_lanes_order/);
  });

  it('would find it out', async () => {
    const database = new ExplainingDatabase(test.dataSource);
    await database.query('SELECT count(*) FROM queued_commands WHERE priority = 7');
    expect(database.plans[0]).toMatch(BIG);
  });
});

/**
 * Some 700 are of the 30 lanes that are looked at, or of the 20 commands that start, with their indexes; a scan reads
 * some 5,000.
 */
const BLOCKS_MAX = 1_000;

describe.each([
  ['the tables are new', []],
  ['the tables were analyzed when they were empty', ['commands', 'queued_commands', 'queue_lanes']],
])('admission, prepared when %s and there is little', (_, analyzed) => {
  let test: OpenTestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase();
    const tables = await test.database.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relname ~ '^(commands_p|queued_commands$|queue_lanes$)' AND relkind = 'r'`,
    );
    for (const { name } of tables) await test.database.query(`ALTER TABLE ${name} SET (autovacuum_enabled = false)`);
    for (const table of analyzed) await test.database.query(`VACUUM (ANALYZE) ${table}`);
  });
  afterAll(() => test.close());

  it('reads no table from one end to the other ten seconds after there is much', async () => {
    let nowMs = 0;
    const database = new ObservedDatabase(await test.prepared(1, () => nowMs));
    const admission = new PostgresAdmission(
      database,
      new QueueLimits({ runningPerProjectMax: 5, runningPerReplicaMax: 100, agingSeconds: 300 }),
      new FakeCommandExecutor(),
    );
    const admit = async (): Promise<readonly KeptPlan[]> => {
      database.seen.length = 0;
      expect(await admission.admit('a', 20)).not.toHaveLength(0);
      await admission.tidy();
      await admission.overdue(20);
      return database.seen;
    };
    await fillQueueUnnoticed(test.database, { projects: 1, perProject: 4 });
    await admit();
    await fillQueueUnnoticed(test.database, { projects: 1_000, perProject: 20 });
    nowMs += PLANS_KEPT_MS;
    await database.query('SELECT 1');
    const plans = await admit();
    expect(plans).toHaveLength(5);
    for (const { plan, blocks, isDisabled } of plans)
      expect({ plan, blocks: Math.max(blocks, BLOCKS_MAX), isDisabled }).toEqual({
        plan,
        blocks: BLOCKS_MAX,
        isDisabled: false,
      });
  });
});
