import type { aNewCommand } from '@app/commands/testing';
import type { QueueRepository } from '../src/application/queue.repository.js';

export interface QueueRepositoryHarness {
  readonly queues: QueueRepository;
  /** @param waitedSeconds how long ago it was queued */
  queue(traits: Parameters<typeof aNewCommand>[0], waitedSeconds?: number): Promise<void>;
  /** Adds a running command. */
  run(projectId: string): Promise<void>;
  close(): Promise<void>;
}

const NOTHING = { depth: 0, oldestWaitSeconds: null };
const ALL = { limit: 200 };

export function describeQueueRepository(name: string, open: () => Promise<QueueRepositoryHarness>): void {
  describe(`QueueRepository: ${name}`, () => {
    let harness: QueueRepositoryHarness;
    let queues: QueueRepository;
    beforeEach(async () => {
      harness = await open();
      ({ queues } = harness);
    });
    afterEach(() => harness.close());

    it('pauses and resumes, and returns whether that changed anything', async () => {
      const paused = (): Promise<boolean[]> => Promise.all([null, 'web', 'shop'].map((id) => queues.isPaused(id)));
      expect(await paused()).toEqual([false, false, false]);
      expect([await queues.pause('web'), await queues.pause('web')]).toEqual([true, false]);
      expect(await paused()).toEqual([false, true, false]);
      expect([await queues.pause(null), await queues.pause(null)]).toEqual([true, false]);
      expect(await paused()).toEqual([true, true, false]);
      expect([await queues.resume('web'), await queues.resume('web')]).toEqual([true, false]);
      expect(await paused()).toEqual([true, false, false]);
      expect([await queues.resume(null), await queues.resume(null)]).toEqual([true, false]);
      expect(await paused()).toEqual([false, false, false]);
    });

    it('counts queued commands by requested priority, and running ones', async () => {
      await harness.queue({ projectId: 'web', priority: 'low' }, 90);
      await harness.queue({ projectId: 'web', priority: 'low' }, 30);
      await harness.queue({ projectId: 'web', priority: 'urgent' }, 10);
      await harness.run('web');
      await harness.queue({ projectId: 'shop' });
      const { data, nextCursor } = await queues.list(null, ALL);
      const [shop, web] = data;
      expect(nextCursor).toBeNull();
      expect(data.map(({ projectId }) => projectId)).toEqual(['shop', 'web']);
      expect(shop).toMatchObject({ isPaused: false, running: 0, depth: 1 });
      expect(web).toMatchObject({
        isPaused: false,
        running: 1,
        depth: 3,
        priorities: { low: { depth: 2 }, normal: NOTHING, high: NOTHING, urgent: { depth: 1 } },
      });
      for (const [waited, seconds] of [
        [web!.oldestWaitSeconds, 90],
        [web!.priorities.low.oldestWaitSeconds, 90],
        [web!.priorities.urgent.oldestWaitSeconds, 10],
      ]) {
        expect(waited).toBeGreaterThanOrEqual(seconds!);
        expect(waited).toBeLessThan(seconds! + 20);
      }
      expect(await queues.depths()).toEqual({ low: 2, normal: 1, high: 0, urgent: 1 });
    });

    it('lists only projects with queued or running commands, or a paused queue', async () => {
      await harness.queue({ projectId: 'queued' });
      await harness.run('running');
      await queues.pause('paused');
      await queues.pause(null);
      const { data } = await queues.list(null, ALL);
      expect(data.map(({ projectId, isPaused }) => [projectId, isPaused])).toEqual([
        ['paused', true],
        ['queued', false],
        ['running', false],
      ]);
      expect(data[0]).toMatchObject({ ...NOTHING, running: 0, priorities: { low: NOTHING, normal: NOTHING } });
      await queues.resume('paused');
      expect((await queues.list(null, ALL)).data).toHaveLength(2);
    });

    it('pages, and shows only projects that match the globs, in which only the star is special', async () => {
      for (const projectId of ['a_1', 'ab1', 'b', 'c%', 'c1', 'c2']) await harness.queue({ projectId });
      const ids = async (visible: readonly string[] | null): Promise<string[]> => {
        const all: string[] = [];
        for (let cursor: string | null | undefined; cursor !== null;) {
          const page = await queues.list(visible, { limit: 2, cursor });
          expect(page.data.length).toBeLessThanOrEqual(2);
          all.push(...page.data.map(({ projectId }) => projectId));
          cursor = page.nextCursor;
        }
        return all;
      };
      expect(await ids(null)).toEqual(['a_1', 'ab1', 'b', 'c%', 'c1', 'c2']);
      expect(await ids(['a_*', 'b'])).toEqual(['a_1', 'b']);
      expect(await ids(['c%'])).toEqual(['c%']);
      expect(await ids(['*1'])).toEqual(['a_1', 'ab1', 'c1']);
      expect(await ids([])).toEqual([]);
    });
  });
}
