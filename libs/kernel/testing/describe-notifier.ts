import type { Notifier, Transactor } from '../src/index.js';
import { until } from './deferred.js';

export interface NotifierHarness {
  /** Two replicas. */
  readonly here: Notifier;
  readonly there: Notifier;
  /** The transactor of the first replica. */
  readonly transactor: Transactor;
  close(): Promise<void>;
}

let count = 0;
const fresh = (): string => `channel${String(++count)}`;

export function describeNotifier(name: string, open: () => Promise<NotifierHarness>): void {
  describe(`Notifier: ${name}`, () => {
    let harness: NotifierHarness;
    beforeAll(async () => (harness = await open()));
    afterAll(() => harness.close());

    it('delivers hints to its own replica immediately, and to others soon', async () => {
      const channel = fresh();
      const [here, there]: string[][] = [[], []];
      const stops = [
        harness.here.subscribe(channel, (payload) => here!.push(payload)),
        harness.there.subscribe(channel, (payload) => there!.push(payload)),
      ];
      harness.here.notify(channel, 'a b c');
      expect(here).toEqual(['a b c']);
      await until(() => there!.includes('a b c'));
      expect(here).toEqual(['a b c']);
      for (const stop of stops) stop();
    });

    it('delivers an empty payload', async () => {
      const channel = fresh();
      const there: string[] = [];
      const stop = harness.there.subscribe(channel, (payload) => there.push(payload));
      harness.here.notify(channel, '');
      await until(() => there.length === 1);
      expect(there).toEqual(['']);
      stop();
    });

    it('separates channels', async () => {
      const [channel, other] = [fresh(), fresh()];
      const heard: string[] = [];
      const stops = [
        harness.there.subscribe(channel, () => heard.push('wrong')),
        harness.there.subscribe(other, () => heard.push('right')),
      ];
      harness.here.notify(other, 'x');
      await until(() => heard.length > 0);
      expect(heard).toEqual(['right']);
      for (const stop of stops) stop();
    });

    it('does not call back after unsubscribing', async () => {
      const channel = fresh();
      const [left, stayed]: string[][] = [[], []];
      const leave = harness.there.subscribe(channel, (payload) => left!.push(payload));
      const stop = harness.there.subscribe(channel, (payload) => stayed!.push(payload));
      leave();
      leave();
      harness.here.notify(channel, 'x');
      await until(() => stayed!.length > 0);
      expect(left).toEqual([]);
      stop();
    });

    it('loses none of many different hints while the other replicas listen', async () => {
      const channel = fresh();
      const heard = new Set<string>();
      const stop = harness.there.subscribe(channel, (payload) => heard.add(payload));
      for (let i = 0; i < 1000; i++) harness.here.notify(channel, `id-${String(i)}`);
      await until(() => heard.size === 1000);
      stop();
    });

    it('announces with the commit, to all replicas, including this one', async () => {
      const channel = fresh();
      const [here, there]: Set<string>[] = [new Set(), new Set()];
      const stops = [
        harness.here.subscribe(channel, (payload) => here!.add(payload)),
        harness.there.subscribe(channel, (payload) => there!.add(payload)),
      ];
      const failing = harness.transactor.run(async () => {
        await harness.here.announce(channel, 'never');
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      await harness.transactor.run(async () => {
        await harness.here.announce(channel, 'a b');
        expect([...here!, ...there!]).toEqual([]);
      });
      expect([...here!]).toEqual(['a b']);
      await until(() => there!.size > 0);
      expect([...there!]).toEqual(['a b']);
      for (const stop of stops) stop();
    });

    it('has delivered everything that was announced before `heardUntil`', async () => {
      const channel = fresh();
      const there: string[] = [];
      const stop = harness.there.subscribe(channel, (payload) => there.push(payload));
      for (let round = 0; round < 3; round++) {
        await harness.transactor.run(() => harness.here.announce(channel, String(round)));
        const announcedAt = performance.now();
        await until(() => harness.there.heardUntil >= announcedAt);
        expect(there.at(-1)).toBe(String(round));
      }
      stop();
    });
  });
}
