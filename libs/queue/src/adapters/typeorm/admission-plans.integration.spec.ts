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
