import { describeIdempotency } from '@app/kernel/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { newId, runInRequest } from '@app/kernel';
import { PostgresIdempotency } from './postgres-idempotency.js';

describeIdempotency('PostgreSQL', async () => {
  const { database, anotherReplica, close } = await openTestDatabase();
  const other = (await anotherReplica()).database;
  return { here: new PostgresIdempotency(database), there: new PostgresIdempotency(other), close };
});

describe('PostgresIdempotency', () => {
  let db: OpenTestDatabase;
  beforeAll(async () => (db = await openTestDatabase()));
  afterAll(() => db.close());

  it('forgets keys after 24 hours, and no earlier', async () => {
    const idempotency = new PostgresIdempotency(db.database);
    const actor = { keyId: 'key_a', ip: null, userAgent: null, requestId: 'r' };
    const once = (key: string): Promise<{ isReplay: boolean }> =>
      runInRequest(
        { requestId: 'r', actor, idempotency: { route: 'POST /x', key, fingerprint: Buffer.alloc(32) } },
        () => idempotency.once(async () => newId('cmd')),
      );
    await once('used');
    await once('idle');
    const age = async (interval: string): Promise<void> => {
      await db.database.query(`UPDATE idempotency_keys SET created_at = now() - $1::interval`, [interval]);
    };
    await age('23 hours 59 minutes');
    await idempotency.forgetOld();
    expect((await once('used')).isReplay).toBe(true);
    await age('24 hours 1 second');
    expect((await once('used')).isReplay).toBe(false);
    await idempotency.forgetOld();
    expect(await db.database.query('SELECT 1 FROM idempotency_keys')).toHaveLength(1);
  });
});
