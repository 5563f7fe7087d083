import { FakeCommandExecutor } from '@app/execution/testing';
import { Database, PLANS_KEPT_MS } from '@app/database';
import { type KeptPlan, ObservedDatabase, type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { fillQueue, fillQueueUnanalyzed } from '@app/queue/testing';
import { QueueLimits } from '../../application/queue-limits.js';
import { PostgresAdmission } from './postgres-admission.js';

/**
 * Ignores scans of empty partitions, which cost nothing. There are so few lanes, one per project and key, that
 * PostgreSQL may read them all to get thirty.
 */
const BIG = /Seq Scan on (commands|queued_commands)\w*( \w+)? +\(cost=0\.00\.\.(?!0\.00 )/;

/** Explains each statement before it runs, in its transaction and with its real parameters. */
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

  it('never scans a whole table', async () => {
    const database = new ExplainingDatabase(test.dataSource);
    const admission = new PostgresAdmission(
      database,
      new QueueLimits({ runningPerProjectMax: 5, runningPerReplicaMax: 100, agingSeconds: 300 }),
      new FakeCommandExecutor(),
    );
    expect(await admission.admit('a', 20)).toHaveLength(20);
    await admission.compact();
    expect(database.plans).toHaveLength(4);
    for (const plan of database.plans) expect(plan).not.toMatch(BIG);
    expect(database.plans.join('\n')).toMatch(/Index.* Scan using queue_lanes_order/);
  });

  it('detects a scan of a whole table', async () => {
    const database = new ExplainingDatabase(test.dataSource);
    await database.query('SELECT count(*) FROM queued_commands WHERE priority = 7');
    expect(database.plans[0]).toMatch(BIG);
  });
});

/**
 * Index scans read about 700 blocks for the 30 candidate lanes or the 20 started commands; a sequential scan about
 * 5,000.
 */
const BLOCKS_MAX = 1_000;

describe.each([
  ['the tables are new', []],
  ['the tables were analyzed when they were empty', ['commands', 'queued_commands', 'queue_lanes']],
])('admission, prepared when %s and almost empty', (_, analyzed) => {
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

  it('never scans a whole table ten seconds after the tables have grown', async () => {
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
      await admission.compact();
      await admission.overdue(20);
      return database.seen;
    };
    await fillQueueUnanalyzed(test.database, { projects: 1, perProject: 4 });
    await admit();
    await fillQueueUnanalyzed(test.database, { projects: 1_000, perProject: 20 });
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
