import { type Creation, type Idempotency, IdempotencyMismatch, newId, runInRequest } from '../src/index.js';
import { Deferred } from './deferred.js';

export interface IdempotencyHarness {
  /** Two replicas. */
  readonly here: Idempotency;
  readonly there: Idempotency;
  close(): Promise<void>;
}

interface Sent {
  readonly key?: string;
  readonly route?: string;
  readonly keyId?: string;
  readonly body?: string;
}

let count = 0;
const fresh = (): string => `once-${String(++count)}`;

/** Runs the work within such a request. */
function sent<T>(
  { key, route = 'POST /v1/x', keyId = 'key_a', body = '{}' }: Sent,
  work: () => Promise<T>,
): Promise<T> {
  const actor = { keyId, ip: null, userAgent: null, requestId: 'req' };
  const idempotency = key === undefined ? null : { route, key, fingerprint: Buffer.from(body) };
  return runInRequest({ requestId: 'req', actor, idempotency }, work);
}

export function describeIdempotency(name: string, open: () => Promise<IdempotencyHarness>): void {
  describe(`Idempotency: ${name}`, () => {
    let harness: IdempotencyHarness;
    let made: string[];
    beforeAll(async () => (harness = await open()));
    beforeEach(() => (made = []));
    afterAll(() => harness.close());

    const create = async (): Promise<string> => {
      const id = newId('cmd');
      made.push(id);
      return id;
    };
    const once = (traits: Sent, idempotency = harness.here, work = create): Promise<Creation> =>
      sent(traits, () => idempotency.once(work));

    it('creates once for a key, and then returns the result, on every replica', async () => {
      const key = fresh();
      const first = await once({ key });
      expect(first).toEqual({ id: made[0], replayOf: null });
      expect(await once({ key })).toEqual({ id: first.id, replayOf: expect.any(Date) });
      expect(await once({ key }, harness.there)).toEqual({ id: first.id, replayOf: expect.any(Date) });
      expect(made).toHaveLength(1);
    });

    it('always creates without a key, and outside a request', async () => {
      expect((await once({})).replayOf).toBeNull();
      expect((await once({})).replayOf).toBeNull();
      expect((await harness.here.once(create)).replayOf).toBeNull();
      expect(made).toHaveLength(3);
    });

    it('distinguishes callers, routes and keys', async () => {
      const key = fresh();
      const all = [{ key }, { key: fresh() }, { key, keyId: 'key_b' }, { key, route: 'POST /v1/y' }];
      for (const traits of all) expect((await once(traits)).replayOf).toBeNull();
      // Even if their concatenation is ambiguous.
      expect((await once({ key: `x","${key}`, route: 'POST /v1/x' })).replayOf).toBeNull();
      expect(made).toHaveLength(5);
    });

    it('refuses a key that was used for another body, and creates nothing', async () => {
      const key = fresh();
      const { id } = await once({ key, body: '{"a":1}' });
      await expect(once({ key, body: '{"a":2}' })).rejects.toThrow(IdempotencyMismatch);
      await expect(once({ key, body: '{"a": 1}' }, harness.there)).rejects.toThrow(IdempotencyMismatch);
      expect(await once({ key, body: '{"a":1}' })).toEqual({ id, replayOf: expect.any(Date) });
      expect(made).toHaveLength(1);
    });

    it('leaves the key unused if the creation fails, whatever the body', async () => {
      const key = fresh();
      const failing = once({ key, body: 'wrong' }, harness.here, () => Promise.reject(new Error('queue full')));
      await expect(failing).rejects.toThrow('queue full');
      expect((await once({ key, body: 'right' })).replayOf).toBeNull();
    });

    it('makes concurrent duplicates wait for the first, on every replica', async () => {
      const key = fresh();
      const gate = new Deferred();
      const begun = new Deferred();
      const first = once({ key }, harness.here, async () => {
        begun.resolve();
        await gate.promise;
        return create();
      });
      await begun.promise;
      const others = [harness.here, harness.there, harness.there].map((idempotency) => once({ key }, idempotency));
      gate.resolve();
      const { id } = await first;
      expect(await Promise.all(others)).toEqual(others.map(() => ({ id, replayOf: expect.any(Date) })));
      expect(made).toHaveLength(1);
    });

    it('lets one of the duplicates create if the first fails', async () => {
      const key = fresh();
      const gate = new Deferred();
      const begun = new Deferred();
      const first = once({ key }, harness.here, async () => {
        begun.resolve();
        await gate.promise;
        throw new Error('crashed');
      });
      first.catch(() => undefined);
      await begun.promise;
      const others = [harness.here, harness.there].map((idempotency) => once({ key }, idempotency));
      gate.resolve();
      await expect(first).rejects.toThrow('crashed');
      const [one, two] = await Promise.all(others);
      expect(one!.id).toBe(two!.id);
      expect(made).toHaveLength(1);
    });

    describe('for work outside a transaction', () => {
      const act = (traits: Sent, idempotency = harness.here, work = create): Promise<Creation> =>
        sent(traits, () => idempotency.act(work));

      it('runs once for a key, and then returns the result, on every replica', async () => {
        const key = fresh();
        const { id } = await act({ key });
        expect(id).toBe(made[0]);
        expect(await act({ key })).toEqual({ id, replayOf: expect.any(Date) });
        expect(await act({ key }, harness.there)).toEqual({ id, replayOf: expect.any(Date) });
        await expect(act({ key, body: '{"a":2}' })).rejects.toThrow(IdempotencyMismatch);
        await act({});
        expect(made).toHaveLength(2);
      });

      it('refuses concurrent duplicates, which may be retried', async () => {
        const key = fresh();
        const gate = new Deferred();
        const begun = new Deferred();
        const first = act({ key }, harness.here, async () => {
          begun.resolve();
          await gate.promise;
          return create();
        });
        await begun.promise;
        for (const idempotency of [harness.here, harness.there])
          await expect(act({ key }, idempotency)).rejects.toMatchObject({ code: 'CONFLICT', retryable: true });
        await expect(act({ key, body: 'another' }, harness.there)).rejects.toThrow(IdempotencyMismatch);
        gate.resolve();
        const { id } = await first;
        expect(await act({ key }, harness.there)).toEqual({ id, replayOf: expect.any(Date) });
        expect(made).toHaveLength(1);
      });

      it('leaves the key unused if the work fails', async () => {
        const key = fresh();
        const failing = act({ key }, harness.here, () => Promise.reject(new Error('no such process')));
        await expect(failing).rejects.toThrow('no such process');
        expect((await act({ key }, harness.there)).replayOf).toBeNull();
      });
    });

    it('marks the request as a replay', async () => {
      const key = fresh();
      await once({ key });
      const actor = { keyId: 'key_a', ip: null, userAgent: null, requestId: 'req' };
      const idempotency = { route: 'POST /v1/x', key, fingerprint: Buffer.from('{}') };
      const request = { requestId: 'req', actor, idempotency, isReplay: false };
      await runInRequest(request, () => harness.here.once(create));
      expect(request.isReplay).toBe(true);
    });
  });
}
