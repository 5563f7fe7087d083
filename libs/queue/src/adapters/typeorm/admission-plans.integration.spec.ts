import { FakeCommandExecutor } from '@app/commands/testing';
import { Database } from '@app/database';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { fillQueue } from '@app/queue/testing';
import { QueueLimits } from '../../application/queue-limits.js';
import { TypeormAdmission } from './typeorm-admission.js';

/**
 * What costs nothing is the scan of an empty partition. The lanes, one row per project and key, are so few that PostgreSQL
 * may choose to read them all where it needs thirty of them.
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
    const admission = new TypeormAdmission(database, new QueueLimits(5, 100, 300), new FakeCommandExecutor());
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

/** Until the tables are analyzed again, its plans are kept, however much there is by then. */
describe('admission, prepared when there is little', () => {
  let test: OpenTestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase();
  });
  afterAll(() => test.close());

  it('keeps a plan that reads no table from one end to the other', async () => {
    const database = await test.prepared(1);
    const admission = new TypeormAdmission(database, new QueueLimits(5, 100, 300), new FakeCommandExecutor());
    await fillQueue(test.database, { projects: 1, perProject: 8 });
    for (let i = 0; i < 8; i++) await admission.admit('a', 1);
    await admission.tidy();
    const kept = await database.manager.query<{ name: string; statement: string; generic: string }[]>(
      'SELECT name, statement, generic_plans AS generic FROM pg_prepared_statements ORDER BY statement',
    );
    const look = kept.find(({ statement }) => statement.includes('busy_project'));
    expect(Number(look?.generic)).toBeGreaterThan(0);
    const explained = await database.manager.query<{ 'QUERY PLAN': string }[]>(
      `EXPLAIN EXECUTE "${look!.name}" ('1970-01-01', -1, '', 11, 1, 1200, 5)`,
    );
    const plan = explained.map((line) => line['QUERY PLAN']).join('\n');
    expect(plan).toContain('$');
    expect(plan).not.toMatch(/Seq Scan on (commands|queued_commands|queue_lanes)(?!\w*( \w+)? +\(cost=0\.00\.\.0\.00)/);
    expect(plan).toMatch(/Index.* Scan using queue_lanes_order/);
  });
});
