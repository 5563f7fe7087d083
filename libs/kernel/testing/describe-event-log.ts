import { type EventLog, type NewEvent, PAGE_BYTES_MAX, type Transactor, newId, runInRequest } from '../src/index.js';
import { Deferred, until } from './deferred.js';

export interface EventLogHarness {
  readonly log: EventLog;
  readonly transactor: Transactor;
  /** Assigns committed events their position, as replicas do continuously. */
  seal(): Promise<void>;
  close(): Promise<void>;
}

function aFact(type = 'thing.happened', projectId?: string): NewEvent {
  return { type, projectId, target: newId('cmd'), outcome: 'succeeded', data: { text: 'ä "quoted" \\ 😀', n: 1 } };
}

export function describeEventLog(name: string, open: () => Promise<EventLogHarness>): void {
  describe(`EventLog: ${name}`, () => {
    let harness: EventLogHarness;
    beforeEach(async () => (harness = await open()));
    afterEach(() => harness.close());

    it('is empty at first', async () => {
      expect(await harness.log.lastSeq()).toBe(0);
      expect(await harness.log.readAfter(0, 10)).toEqual([]);
    });

    it('stores an event unchanged, with its actor', async () => {
      const fact = aFact('key.created', 'web');
      const actor = { keyId: 'key_x', ip: '::1', userAgent: 'curl/8 "x"', requestId: 'req_1' };
      await runInRequest({ requestId: 'req_1', actor }, () => harness.log.add(fact));
      await harness.seal();
      const [event] = await harness.log.readAfter(0, 10);
      expect(event).toMatchObject({ ...fact, actor, seq: 1 });
      expect(event!.id).toMatch(/^evt_[0-9a-z]{26}$/);
      expect(Math.abs(event!.at.getTime() - Date.now())).toBeLessThan(60_000);
      expect(await harness.log.lastSeq()).toBe(1);
    });

    it('shows no details to its readers: they are for the audit', async () => {
      await harness.log.add({ ...aFact(), details: { argv: ['rm'] } });
      await harness.seal();
      expect((await harness.log.readAfter(0, 10))[0]).not.toHaveProperty('details');
    });

    it('records another actor than the current one, if the event has one', async () => {
      const current = { keyId: 'key_x', ip: '::1', userAgent: null, requestId: 'req_1', traceId: null };
      const actor = { ...current, keyId: 'key_y', traceId: 'a'.repeat(32) };
      await runInRequest({ requestId: 'req_1', actor: current }, () => harness.log.add({ ...aFact(), actor }, aFact()));
      await harness.seal();
      const events = await harness.log.readAfter(0, 10);
      expect(events.map((event) => event.actor)).toEqual([actor, current]);
    });

    it('reads about a page of large events, and continues from there', async () => {
      const from = await harness.log.lastSeq();
      const text = '\u0001'.repeat(20_000);
      for (let i = 0; i < 12; i++) await harness.log.add({ ...aFact('large'), data: { i, text } });
      await harness.seal();
      const seen: unknown[] = [];
      for (let seq = from; ;) {
        const events = await harness.log.readAfter(seq, 100);
        if (events.length === 0) break;
        expect(Buffer.byteLength(JSON.stringify(events))).toBeLessThan(PAGE_BYTES_MAX + 200_000);
        seen.push(...events.map(({ data }) => data.i));
        seq = events.at(-1)!.seq;
      }
      expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => i));
    });

    it('records the system as the actor outside a request', async () => {
      await harness.log.add(aFact());
      await harness.seal();
      const [event] = await harness.log.readAfter(0, 1);
      expect(event!.actor).toEqual({ keyId: null, ip: null, userAgent: null, requestId: null, traceId: null });
      expect(event!.projectId).toBeUndefined();
    });

    it('shows the events of a transaction after its commit, in the order of their addition', async () => {
      await harness.transactor.run(async () => {
        await harness.log.add(aFact('a.one'), aFact('a.two'));
        await harness.log.add(aFact('a.three'));
        await harness.seal();
        expect(await harness.transactor.run(() => harness.log.lastSeq())).toBe(0);
      });
      await harness.seal();
      const events = await harness.log.readAfter(0, 10);
      expect(events.map(({ type, seq }) => [seq, type])).toEqual([
        [1, 'a.one'],
        [2, 'a.two'],
        [3, 'a.three'],
      ]);
    });

    it('drops the events of a rolled-back transaction, and leaves no gap', async () => {
      await harness.log.add(aFact('before'));
      const run = harness.transactor.run(async () => {
        await harness.log.add(aFact('never'), aFact('never'));
        throw new Error('no');
      });
      await expect(run).rejects.toThrow('no');
      await harness.log.add(aFact('after'));
      await harness.seal();
      const events = await harness.log.readAfter(0, 10);
      expect(events.map(({ type, seq }) => [seq, type])).toEqual([
        [1, 'before'],
        [2, 'after'],
      ]);
    });

    it('orders by commit: an event that becomes visible later never has a smaller seq', async () => {
      const gate = new Deferred();
      const added = new Deferred();
      const slow = harness.transactor.run(async () => {
        await harness.log.add(aFact('slow'));
        added.resolve();
        await gate.promise;
      });
      await added.promise;
      await harness.transactor.run(() => harness.log.add(aFact('fast')));
      await harness.seal();
      const early = await harness.log.readAfter(0, 10);
      expect(early.map(({ type }) => type)).toEqual(['fast']);
      gate.resolve();
      await slow;
      await harness.seal();
      const late = await harness.log.readAfter(early.at(-1)!.seq, 10);
      expect(late.map(({ type, seq }) => [seq, type])).toEqual([[2, 'slow']]);
    });

    it('reads from a seq, up to a limit, by project and type', async () => {
      for (let i = 0; i < 6; i++) {
        await harness.log.add(aFact(i % 2 === 0 ? 'even' : 'odd', i < 3 ? 'web' : 'api'));
      }
      await harness.seal();
      const seqs = async (...args: Parameters<EventLog['readAfter']>): Promise<number[]> =>
        (await harness.log.readAfter(...args)).map(({ seq }) => seq);
      expect(await seqs(0, 2)).toEqual([1, 2]);
      expect(await seqs(2, 100)).toEqual([3, 4, 5, 6]);
      expect(await seqs(6, 100)).toEqual([]);
      expect(await seqs(0, 100, { projectId: 'web' })).toEqual([1, 2, 3]);
      expect(await seqs(0, 100, { types: ['odd'] })).toEqual([2, 4, 6]);
      expect(await seqs(0, 100, { projectId: 'api', types: ['even', 'other'] })).toEqual([5]);
      expect(await seqs(0, 100, { types: [] })).toEqual([]);
    });

    it('notifies listeners when there is more to read, until they unsubscribe', async () => {
      let heard = 0;
      const leave = harness.log.subscribe(() => heard++);
      await harness.log.add(aFact());
      await harness.seal();
      await until(() => heard === 1);
      leave();
      await harness.log.add(aFact());
      await harness.seal();
      expect(heard).toBe(1);
    });

    it('lets a reader miss nothing while many transactions commit and roll back', async () => {
      const seen: number[] = [];
      const expected = new Set<string>();
      const transactions = Array.from({ length: 60 }, async (_, i) => {
        const fact = aFact(`tx.${String(i)}`);
        const run = harness.transactor.run(async () => {
          await harness.log.add(fact);
          for (let turn = 0; turn < i % 7; turn++) await new Promise((resolve) => setImmediate(resolve));
          if (i % 5 === 0) throw new Error('rolled back');
        });
        if (i % 5 === 0) await run.catch(() => undefined);
        else {
          expected.add(fact.type);
          await run;
        }
      });
      const types: string[] = [];
      const follow = async (): Promise<void> => {
        await harness.seal();
        for (const { seq, type } of await harness.log.readAfter(seen.at(-1) ?? 0, 100)) {
          seen.push(seq);
          types.push(type);
        }
      };
      const all = Promise.all(transactions);
      const done = new AbortController();
      void all.finally(() => done.abort());
      while (!done.signal.aborted) {
        await follow();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await all;
      await follow();
      expect(seen).toEqual(Array.from({ length: expected.size }, (_, i) => i + 1));
      expect(new Set(types)).toEqual(expected);
    });
  });
}
