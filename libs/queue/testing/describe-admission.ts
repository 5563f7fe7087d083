import { type aNewCommand } from '@app/commands/testing';
import { until } from '@app/kernel/testing';
import type { Admission } from '../src/application/admission.js';

type Traits = NonNullable<Parameters<typeof aNewCommand>[0]>;

export interface AdmissionHarness {
  /** Two replicas. */
  readonly here: Admission;
  readonly there: Admission;
  /** How many may run in a project: what the admissions were made with. */
  readonly runningPerProjectMax: number;
  queue(traits: Traits): Promise<string>;
  /** The command that runs there comes to its end. */
  end(id: string, owner: string): Promise<void>;
  status(id: string): Promise<string>;
  close(): Promise<void>;
}

const LOTS = 1_000;

export function describeAdmission(name: string, open: () => Promise<AdmissionHarness>): void {
  describe(`Admission: ${name}`, () => {
    let harness: AdmissionHarness;
    beforeEach(async () => (harness = await open()));
    afterEach(() => harness.close());

    const queueAll = async (...all: Traits[]): Promise<string[]> => {
      const ids: string[] = [];
      for (const traits of all) ids.push(await harness.queue(traits));
      return ids;
    };

    it('admits nothing when nothing is queued, or there is no slot', async () => {
      expect(await harness.here.admit('a', LOTS)).toEqual([]);
      await harness.queue({});
      expect(await harness.here.admit('a', 0)).toEqual([]);
    });

    it('admits a command at once when there is room, and leases it', async () => {
      const id = await harness.queue({});
      expect(await harness.here.admit('a', 1)).toEqual([id]);
      expect(await harness.status(id)).toBe('starting');
      expect(await harness.here.admit('a', LOTS)).toEqual([]);
      await harness.end(id, 'a');
    });

    it('goes by priority, then by age', async () => {
      const [low, first, second, high, urgent] = await queueAll(
        { projectId: 'p1', priority: 'low' },
        { projectId: 'p2' },
        { projectId: 'p3' },
        { projectId: 'p4', priority: 'high' },
        { projectId: 'p5', priority: 'urgent' },
      );
      const order: string[] = [];
      for (let i = 0; i < 5; i++) order.push(...(await harness.here.admit('a', 1)));
      expect(order).toEqual([urgent, high, first, second, low]);
    });

    it('admits no more than it has slots, and the foremost of them', async () => {
      const ids = await queueAll(...Array.from({ length: 6 }, (_, i) => ({ projectId: `p${i}` })));
      expect([...(await harness.here.admit('a', 4))].sort()).toEqual(ids.slice(0, 4));
      expect([...(await harness.here.admit('b', 4))].sort()).toEqual(ids.slice(4));
    });

    it('keeps to the limit of each project, and lets no project hold up another', async () => {
      const { runningPerProjectMax: max } = harness;
      const busy = await queueAll(
        ...Array.from({ length: max + 3 }, () => ({ projectId: 'busy', priority: 'urgent' as const })),
      );
      const calm = await harness.queue({ projectId: 'calm', priority: 'low' });
      const admitted = await harness.here.admit('a', LOTS);
      expect([...admitted].sort()).toEqual([...busy.slice(0, max), calm].sort());
      expect(await harness.here.admit('a', LOTS)).toEqual([]);
      await harness.end(busy[0]!, 'a');
      expect(await harness.there.admit('b', LOTS)).toEqual([busy[max]]);
    });

    it('runs commands of a project with the same lock one at a time, in order', async () => {
      const [first, second, urgent, other, elsewhere, free] = await queueAll(
        { lock: 'deploy' },
        { lock: 'deploy' },
        { lock: 'deploy', priority: 'urgent' },
        { lock: 'build' },
        { lock: 'deploy', projectId: 'other' },
        {},
      );
      const admitted = await harness.here.admit('a', LOTS);
      expect([...admitted].sort()).toEqual([urgent, other, elsewhere, free].sort());
      expect(await harness.here.admit('a', LOTS)).toEqual([]);
      await harness.end(urgent!, 'a');
      expect(await harness.here.admit('a', LOTS)).toEqual([first]);
      expect(await harness.there.admit('b', LOTS)).toEqual([]);
      await harness.end(first!, 'a');
      expect(await harness.there.admit('b', LOTS)).toEqual([second]);
    });

    it('lets commands that wait for a lock take no slot of their project', async () => {
      const { runningPerProjectMax: max } = harness;
      const locked = await queueAll(
        ...Array.from({ length: max + 2 }, () => ({ lock: 'one', priority: 'high' as const })),
      );
      const free = await queueAll(...Array.from({ length: max - 1 }, () => ({})));
      const admitted = await harness.here.admit('a', LOTS);
      expect([...admitted].sort()).toEqual([locked[0], ...free].sort());
    });

    it('never passes a limit, and admits nothing twice, when several admit at once', async () => {
      const { runningPerProjectMax: max } = harness;
      const projects = ['p1', 'p2', 'p3'];
      const all: { id: string; projectId: string; lock: string | null }[] = [];
      for (let i = 0; i < 36; i++) {
        const traits = { projectId: projects[i % 3]!, lock: i % 4 === 0 ? 'one' : null };
        all.push({ id: await harness.queue(traits), ...traits });
      }
      const running = new Map<string, { owner: string; projectId: string; lock: string | null }>();
      const done = new Set<string>();
      let most = 0;
      while (done.size < all.length) {
        const owners = ['a', 'b', 'c', 'd'];
        const admitted = await Promise.all(
          owners.map((owner, i) => (i % 2 === 0 ? harness.here : harness.there).admit(owner, 3)),
        );
        for (const [i, ids] of admitted.entries()) {
          expect(ids.length).toBeLessThanOrEqual(3);
          for (const id of ids) {
            expect(running.has(id) || done.has(id)).toBe(false);
            running.set(id, { ...all.find((command) => command.id === id)!, owner: owners[i]! });
          }
        }
        for (const projectId of projects) {
          const here = [...running.values()].filter((command) => command.projectId === projectId);
          most = Math.max(most, here.length);
          expect(here.filter(({ lock }) => lock !== null).length).toBeLessThanOrEqual(1);
        }
        for (const [id, { owner }] of [...running].slice(0, 4)) {
          await harness.end(id, owner);
          running.delete(id);
          done.add(id);
        }
      }
      expect(most).toBe(max);
    });

    it('names what has waited for too long, and admits it no more', async () => {
      const [overdue, patient, forever] = await queueAll(
        { queueTimeoutSeconds: 0 },
        { queueTimeoutSeconds: 3600 },
        { queueTimeoutSeconds: null },
      );
      await until(async () => (await harness.here.overdue(10)).length > 0);
      expect(await harness.there.overdue(10)).toEqual([overdue]);
      expect([...(await harness.here.admit('a', LOTS))].sort()).toEqual([patient, forever].sort());
      expect(await harness.here.overdue(10)).toEqual([overdue]);
    });

    it('names no more than asked for', async () => {
      await queueAll({ queueTimeoutSeconds: 0 }, { queueTimeoutSeconds: 0 }, { queueTimeoutSeconds: 0 });
      await until(async () => (await harness.here.overdue(10)).length === 3);
      expect(await harness.here.overdue(2)).toHaveLength(2);
    });

    it('counts a slot by the state of the command: one whose replica died keeps it', async () => {
      const { runningPerProjectMax: max } = harness;
      await queueAll(...Array.from({ length: max + 1 }, () => ({})));
      expect(await harness.here.admit('dead', LOTS)).toHaveLength(max);
      expect(await harness.there.admit('b', LOTS)).toEqual([]);
    });
  });
}
