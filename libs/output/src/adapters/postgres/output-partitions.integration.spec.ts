import { type CommandStore, aNewCommand } from '@app/commands/testing';
import { postgresCommandStore } from '@app/queue/testing';
import { Database, PartitionKeeper, PartitionStore } from '@app/database';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { newId } from '@app/kernel';
import { FakeClock } from '@app/kernel/testing';
import { Logger } from '@nestjs/common';
import { START, commandPartitions, lost } from '@app/commands';
import { outputPartitions } from './output-partitions.js';
import { PostgresOutputLedger } from './postgres-output-ledger.js';

const DAY_MS = 86_400_000;
const OWNER = 'here';

describe('partitions of commands', () => {
  let db: OpenTestDatabase;
  let database: Database;
  let store: PartitionStore;
  let commands: CommandStore;
  let ledger: PostgresOutputLedger;
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    db = await openTestDatabase();
    store = new PartitionStore(db.dataSource, [commandPartitions(90), outputPartitions(30)]);
    database = new Database(db.dataSource, store);
    commands = postgresCommandStore(database);
    ledger = new PostgresOutputLedger(database);
  });
  afterEach(() => db.close());

  const daysAhead = (days: number): Date => new Date(Date.now() + days * DAY_MS);
  /** Creates a running command that has written a byte. */
  const running = async (id = newId('cmd')): Promise<string> => {
    await commands.enqueue(aNewCommand({ id }), { queuedMax: 10, agingSeconds: 300 });
    await database.query(`UPDATE commands SET status = 'running', lease_owner = $2 WHERE id = $1`, [id, OWNER]);
    await ledger.append(id, OWNER, START, [{ kind: 'data', stream: 'stdout', offset: 0, data: Buffer.from('x') }]);
    return id;
  };
  const hasOutput = async (id: string): Promise<boolean> => (await ledger.read(id, START, 10)).length > 0;
  const keep = (days: number): Promise<void> =>
    new PartitionKeeper(database, store, new FakeClock(daysAhead(days))).keep();
  const end = async (id: string, at: Date): Promise<void> => {
    await commands.end(id, OWNER, lost('unknown', 'by the test', START));
    await database.query('UPDATE commands SET ended_at = $2 WHERE id = $1', [id, at]);
  };

  it('are kept while one of their commands has not ended, and for the retention period after its end', async () => {
    const id = await running();
    await keep(200);
    expect(await hasOutput(id)).toBe(true);
    await end(id, daysAhead(200));
    await keep(229);
    expect(await hasOutput(id)).toBe(true);
    await keep(231);
    expect(await hasOutput(id)).toBe(false);
    expect(await commands.findById(id)).not.toBeNull();
    await keep(291);
    expect(await commands.findById(id)).toBeNull();
  });

  it('are dropped although an older command has not ended', async () => {
    await running(newId('cmd', daysAhead(-1)));
    const id = await running();
    await end(id, new Date());
    await keep(32);
    expect(await hasOutput(id)).toBe(false);
  });

  it("are kept while they contain recent rows, even if the command's id is old", async () => {
    const old = newId('cmd', daysAhead(-120));
    await expect(running(old)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const id = await running(old);
    await end(id, new Date());
    await keep(0);
    expect(await hasOutput(id)).toBe(true);
    expect(await commands.findById(id)).not.toBeNull();
  });

  it.each([9, 40])('are created for the output of a command whose id is %i days ahead', async (days) => {
    const id = newId('cmd', daysAhead(days));
    expect(await hasOutput(await running(id))).toBe(true);
  });
});
