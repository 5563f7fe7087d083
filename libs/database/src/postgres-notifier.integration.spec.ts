import { describeNotifier, until } from '@app/kernel/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { Logger } from '@nestjs/common';
import { EventEmitter2 } from '@nestjs/event-emitter';
import { PostgresNotifier } from './postgres-notifier.js';

async function aNotifier({ dataSource, database, url }: OpenTestDatabase): Promise<PostgresNotifier> {
  const notifier = new PostgresNotifier(dataSource, database, new EventEmitter2(), url);
  await notifier.onModuleInit();
  return notifier;
}

describeNotifier('PostgreSQL', async () => {
  const db = await openTestDatabase();
  const [here, there] = [await aNotifier(db), await aNotifier(db)];
  return {
    here,
    there,
    transactor: db.database,
    close: async () => {
      await here.onApplicationShutdown();
      await there.onApplicationShutdown();
      await db.close();
    },
  };
});

describe('PostgresNotifier', () => {
  let db: OpenTestDatabase;
  const notifiers: PostgresNotifier[] = [];
  beforeAll(async () => {
    Logger.overrideLogger(false);
    db = await openTestDatabase();
  });
  afterEach(async () => {
    for (const notifier of notifiers.splice(0)) await notifier.onApplicationShutdown();
  });
  afterAll(() => db.close());

  async function open(): Promise<PostgresNotifier> {
    const notifier = await aNotifier(db);
    notifiers.push(notifier);
    return notifier;
  }

  it('listens again after a broken connection, and reports that hints may have been missed', async () => {
    const [here, there] = [await open(), await open()];
    const heard: string[] = [];
    let resets = 0;
    there.subscribe(
      'cut',
      (payload) => heard.push(payload),
      () => resets++,
    );
    await db.dataSource.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'rdev-listen %' AND datname = current_database()`,
    );
    await until(() => resets > 0);
    await until(() => {
      here.notify('cut', 'again');
      return heard.includes('again');
    });
  });

  it('coalesces repeated hints', async () => {
    const [here, there] = [await open(), await open()];
    const heard: string[] = [];
    there.subscribe('coalesced', (payload) => heard.push(payload));
    for (let i = 0; i < 100; i++) here.notify('coalesced', 'same');
    here.notify('coalesced', 'last');
    await until(() => heard.includes('last'));
    expect(heard.filter((payload) => payload === 'same')).toHaveLength(1);
  });

  it('survives a database that refuses connections at the start, and listens later', async () => {
    const notifier = new PostgresNotifier(db.dataSource, db.database, new EventEmitter2(), `${db.url}_missing`);
    notifiers.push(notifier);
    await expect(notifier.onModuleInit()).resolves.toBeUndefined();
    const heard: string[] = [];
    notifier.subscribe('self', (payload) => heard.push(payload));
    notifier.notify('self', 'x');
    expect(heard).toEqual(['x']);
  });

  it('sends nothing from a transaction that was rolled back', async () => {
    const [here, there] = [await open(), await open()];
    const heard: string[] = [];
    there.subscribe('tx', (payload) => heard.push(payload));
    const run = db.database.run(async () => {
      db.database.afterCommit(() => here.notify('tx', 'never'));
      throw new Error('no');
    });
    await expect(run).rejects.toThrow('no');
    here.notify('tx', 'marker');
    await until(() => heard.includes('marker'));
    expect(heard).toEqual(['marker']);
  });
});
