import { describeIdempotency, until } from '@app/kernel/testing';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { type Creation, newId, runInRequest } from '@app/kernel';
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

  const age = async (interval: string): Promise<void> => {
    await db.database.query(`UPDATE idempotency_keys SET created_at = now() - $1::interval`, [interval]);
  };
  const actor = { keyId: 'key_a', ip: null, userAgent: null, requestId: 'r' };
  const withKey = <T>(key: string, work: () => Promise<T>): Promise<T> =>
    runInRequest(
      { requestId: 'r', actor, idempotency: { route: 'POST /x', key, fingerprint: Buffer.alloc(32) } },
      work,
    );

  it('reports an unknown outcome if the process ended before its work did', async () => {
    const idempotency = new PostgresIdempotency(db.database);
    void withKey('crashed', () => idempotency.act(() => new Promise(() => undefined)));
    const again = () => withKey('crashed', () => idempotency.act(async () => 'again'));
    await until(async () => (await db.database.query('SELECT 1 FROM idempotency_keys')).length === 1);
    await expect(again()).rejects.toMatchObject({ code: 'CONFLICT', retryable: true });
    await age('3 minutes');
    await expect(again()).rejects.toMatchObject({ code: 'CONFLICT', retryable: false });
    await age('25 hours');
    await idempotency.forgetOld();
  });

  it('deletes keys after 24 hours, and not earlier', async () => {
    const idempotency = new PostgresIdempotency(db.database);
    const once = (key: string): Promise<Creation> => withKey(key, () => idempotency.once(async () => newId('cmd')));
    await once('used');
    await once('idle');
    await age('23 hours 59 minutes');
    await idempotency.forgetOld();
    expect((await once('used')).replayOf).not.toBeNull();
    await age('24 hours 1 second');
    expect((await once('used')).replayOf).toBeNull();
    await idempotency.forgetOld();
    expect(await db.database.query('SELECT 1 FROM idempotency_keys')).toHaveLength(1);
  });
});
