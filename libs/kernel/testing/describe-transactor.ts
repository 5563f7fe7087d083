import type { Transactor } from '../src/index.js';
import { Deferred } from './deferred.js';

export interface TransactorHarness {
  readonly transactor: Transactor;
  /** Writes something that a transaction can roll back. */
  put(key: string): Promise<void>;
  /** The committed keys, as seen from outside. */
  committed(): Promise<readonly string[]>;
  close(): Promise<void>;
}

let count = 0;
const fresh = (): string => `key-${String(++count)}-${String(Math.random()).slice(2)}`;

export function describeTransactor(name: string, open: () => Promise<TransactorHarness>): void {
  describe(`Transactor: ${name}`, () => {
    let harness: TransactorHarness;
    beforeAll(async () => (harness = await open()));
    afterAll(() => harness.close());

    it('commits when the work resolves, and returns its result', async () => {
      const key = fresh();
      const answer = await harness.transactor.run(async () => {
        await harness.put(key);
        return 42;
      });
      expect(answer).toBe(42);
      expect(await harness.committed()).toContain(key);
    });

    it('rolls back when the work rejects, and rethrows the error', async () => {
      const keys = [fresh(), fresh()];
      const failure = new Error('changed my mind');
      const run = harness.transactor.run(async () => {
        for (const key of keys) await harness.put(key);
        throw failure;
      });
      await expect(run).rejects.toBe(failure);
      const committed = await harness.committed();
      expect(keys.filter((key) => committed.includes(key))).toEqual([]);
    });

    it('joins a nested run to the outer one: both are rolled back together', async () => {
      const [inner, outer] = [fresh(), fresh()];
      const run = harness.transactor.run(async () => {
        await harness.transactor.run(() => harness.put(inner));
        await harness.put(outer);
        throw new Error('too late');
      });
      await expect(run).rejects.toThrow('too late');
      const committed = await harness.committed();
      expect([inner, outer].filter((key) => committed.includes(key))).toEqual([]);
    });

    it('isolates concurrent transactions', async () => {
      const [good, bad] = [fresh(), fresh()];
      const gate = new Deferred();
      const failing = harness.transactor.run(async () => {
        await harness.put(bad);
        await gate.promise;
        throw new Error('no');
      });
      failing.catch(() => undefined);
      await harness.transactor.run(() => harness.put(good));
      gate.resolve();
      await expect(failing).rejects.toThrow('no');
      const committed = await harness.committed();
      expect(committed).toContain(good);
      expect(committed).not.toContain(bad);
    });

    it('runs hints after the commit, in order, including those of nested runs', async () => {
      const key = fresh();
      const said: string[] = [];
      const seen = new Deferred<readonly string[]>();
      await harness.transactor.run(async () => {
        harness.transactor.afterCommit(() => said.push('first'));
        await harness.transactor.run(async () => {
          harness.transactor.afterCommit(() => said.push('second'));
        });
        await harness.put(key);
        harness.transactor.afterCommit(() => {
          said.push('third');
          harness.committed().then(seen.resolve, seen.reject);
        });
        expect(said).toEqual([]);
      });
      expect(said).toEqual(['first', 'second', 'third']);
      expect(await seen.promise).toContain(key);
    });

    it('runs no hint after a rollback', async () => {
      const said: string[] = [];
      const run = harness.transactor.run(async () => {
        harness.transactor.afterCommit(() => said.push('hint'));
        throw new Error('no');
      });
      await expect(run).rejects.toThrow('no');
      expect(said).toEqual([]);
    });

    it('runs a hint immediately outside a transaction', () => {
      const said: string[] = [];
      harness.transactor.afterCommit(() => said.push('hint'));
      expect(said).toEqual(['hint']);
    });

    it('runs hints outside the transaction: a transaction in a hint is a new one', async () => {
      const key = fresh();
      const done = new Deferred();
      await harness.transactor.run(async () => {
        harness.transactor.afterCommit(() => {
          harness.transactor.run(() => harness.put(key)).then(done.resolve, done.reject);
        });
      });
      await done.promise;
      expect(await harness.committed()).toContain(key);
    });
  });
}
