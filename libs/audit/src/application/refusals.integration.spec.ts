import { PostgresEventLog } from '@app/events';
import { PostgresIdempotency } from '@app/idempotency';
import { type OpenTestDatabase, openTestDatabase } from '@app/database/testing';
import { type Idempotency, Unavailable, runInRequest } from '@app/kernel';
import { FakeClock, InMemoryNotifier } from '@app/kernel/testing';
import { Refusals } from './refusals.js';

describe('Refusals', () => {
  let db: OpenTestDatabase;
  beforeAll(async () => (db = await openTestDatabase()));
  afterAll(() => db.close());

  it('are recorded once, also when the answer to a COMMIT is lost', async () => {
    const real = new PostgresIdempotency(db.database);
    let lost = 2;
    const once: Idempotency['once'] = async (work) => {
      const result = await real.once(work);
      if (lost-- > 0) throw new Unavailable('The connection broke.');
      return result;
    };
    const events = new PostgresEventLog(db.database, new InMemoryNotifier(), new FakeClock());
    const refusals = new Refusals({ once, act: (work) => real.act(work) }, events, new FakeClock());
    const refuse = (ip: string): void => {
      const actor = { keyId: null, ip, userAgent: null, requestId: 'req_1', traceId: null };
      const refusal = { status: 401, code: 'UNAUTHENTICATED', method: 'GET', path: '/' };
      runInRequest({ requestId: 'req_1', actor }, () => refusals.note(refusal));
    };
    for (const ip of ['192.0.2.1', '192.0.2.1', '192.0.2.2']) refuse(ip);
    for (let attempt = 0; attempt < 2; attempt++) await expect(refusals.record()).rejects.toThrow('broke');
    refuse('192.0.2.3');
    await refusals.record(true);
    expect(
      await db.database.query('SELECT target, data->>$1 AS attempts FROM pending_events ORDER BY id', ['attempts']),
    ).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.1'].map((target) => ({ target, attempts: '1' })));
  });
});
