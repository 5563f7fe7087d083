import type { Priority } from '@app/commands';
import { STARTUP_BYTES_MAX } from '@app/execution';
import type { FakeCommandExecutor } from '@app/execution/testing';
import type { aNewCommand } from '@app/commands/testing';
import { until } from '@app/kernel/testing';
import type { Admission } from '../src/application/admission.js';

type Traits = NonNullable<Parameters<typeof aNewCommand>[0]>;

export interface AdmissionHarness {
  /** Two replicas. */
  readonly here: Admission;
  readonly there: Admission;
  /** Locates the instances for both. */
  readonly executor: FakeCommandExecutor;
  /** The project limit that the admissions were created with. */
  readonly runningPerProjectMax: number;
  /** @param waitedSeconds how long ago it was queued */
  queue(traits: Traits, waitedSeconds?: number): Promise<string>;
  reprioritize(id: string, priority: Priority): Promise<void>;
  cancel(id: string): Promise<void>;
  /** Limits the running commands of the key. */
  limitKey(keyId: string, max: number): Promise<void>;
  /** Pauses or resumes the queue of a project; '' means all queues. */
  pause(projectId: string, isPaused: boolean): Promise<void>;
  /** Sets the project's variables. */
  setEnvironment(projectId: string, environment: Readonly<Record<string, string>>): Promise<void>;
  /** Ends the running command. */
  end(id: string, owner: string): Promise<void>;
  status(id: string): Promise<string>;
  close(): Promise<void>;
}

const LOTS = 1_000;
const KEY = { a: 'key_a', b: 'key_b', c: 'key_c' } as const;

/**
 * The aging that the admissions were created with: long enough that a test crosses a time boundary only by
 * `waitedSeconds`.
 */
export const AGING_SECONDS = 86_400;

/** Returns only ids, which is all that most tests check. */
class Ids {
  constructor(private readonly admission: Admission) {}

  async admit(owner: string, slots: number): Promise<string[]> {
    const commands = await this.admission.admit(owner, slots);
    // Replica b never compacts, as after a crash.
    if (owner !== 'b') await this.admission.compact();
    return commands.map(({ id }) => id);
  }

  overdue(max: number): Promise<readonly string[]> {
    return this.admission.overdue(max);
  }
}

export function describeAdmission(name: string, open: () => Promise<AdmissionHarness>): void {
  describe(`Admission: ${name}`, () => {
    let harness: AdmissionHarness;
    let [here, there]: [Ids, Ids] = [undefined!, undefined!];
    beforeEach(async () => {
      harness = await open();
      here = new Ids(harness.here);
      there = new Ids(harness.there);
    });
    afterEach(() => harness.close());

    const queueAll = async (...all: Traits[]): Promise<string[]> => {
      const ids: string[] = [];
      for (const traits of all) ids.push(await harness.queue(traits));
      return ids;
    };

    it('admits nothing when nothing is queued, or there is no slot', async () => {
      expect(await here.admit('a', LOTS)).toEqual([]);
      await harness.queue({});
      expect(await here.admit('a', 0)).toEqual([]);
    });

    it('admits a command immediately when there is room, and leases it', async () => {
      const id = await harness.queue({});
      expect(await here.admit('a', 1)).toEqual([id]);
      expect(await harness.status(id)).toBe('starting');
      expect(await here.admit('a', LOTS)).toEqual([]);
      await harness.end(id, 'a');
    });

    it('returns commands as they are afterwards, bound to an instance if there is one', async () => {
      const [bound] = [await harness.queue({ projectId: 'p1', lock: 'one', labels: { a: 'b' } })];
      expect(await harness.here.admit('a', LOTS)).toMatchObject([
        {
          id: bound,
          projectId: 'p1',
          status: 'starting',
          lock: 'one',
          labels: { a: 'b' },
          instance: harness.executor.instance,
        },
      ]);
      harness.executor.onLocate = () => Promise.reject(new Error('It has no pod.'));
      const unbound = await harness.queue({ projectId: 'p2' });
      const [command] = await harness.here.admit('a', LOTS);
      expect(command).toMatchObject({ id: unbound, status: 'starting', instance: null, startedAt: null, result: null });
      expect(command!.admittedAt!.getTime()).toBeGreaterThanOrEqual(command!.createdAt.getTime());

      harness.executor.onLocate = () => new Promise(() => undefined);
      const slow = await harness.queue({ projectId: 'p3' });
      expect(await harness.here.admit('a', LOTS)).toMatchObject([{ id: slow, instance: null }]);
    });

    it('binds no command that names a container, even if the project has an instance', async () => {
      const named = await harness.queue({ spec: { container: 'db' } });
      expect(await harness.here.admit('a', LOTS)).toMatchObject([
        { id: named, status: 'starting', instance: null, outline: { container: 'db' } },
      ]);
    });

    it('returns the variables of the projects', async () => {
      await harness.setEnvironment('p1', { Z: '1', A: 'ä' });
      await queueAll({ projectId: 'p1' }, { projectId: 'p2' });
      const admitted = await harness.here.admit('a', LOTS);
      expect(admitted.map(({ projectId, startup }) => [projectId, Object.entries(startup!.environment)])).toEqual([
        [
          'p1',
          [
            ['Z', '1'],
            ['A', 'ä'],
          ],
        ],
        ['p2', []],
      ]);
    });

    it('returns what a command is started with, unless that is large', async () => {
      const small = { spec: { work: { type: 'shell', script: 'echo "\\u0000"' } } } as const;
      const large = { spec: { work: { type: 'shell', script: '#'.repeat(STARTUP_BYTES_MAX) } } } as const;
      await harness.setEnvironment('p3', { LARGE: 'x'.repeat(STARTUP_BYTES_MAX) });
      await queueAll({ projectId: 'p1', ...small }, { projectId: 'p2', ...large }, { projectId: 'p3', ...small });
      const admitted = await harness.here.admit('a', LOTS);
      expect(admitted.map(({ startup }) => startup?.spec.work ?? null)).toEqual([small.spec.work, null, null]);
      expect(admitted.every((command) => !('spec' in command))).toBe(true);
    });

    it('orders by priority, then by age', async () => {
      const [low, first, second, high, urgent] = await queueAll(
        { projectId: 'p1', priority: 'low' },
        { projectId: 'p2' },
        { projectId: 'p3' },
        { projectId: 'p4', priority: 'high' },
        { projectId: 'p5', priority: 'urgent' },
      );
      const order: string[] = [];
      for (let i = 0; i < 5; i++) order.push(...(await here.admit('a', 1)));
      expect(order).toEqual([urgent, high, first, second, low]);
    });

    it('admits only the first commands, as many as there are slots', async () => {
      const ids = await queueAll(...Array.from({ length: 6 }, (_, i) => ({ projectId: `p${i}` })));
      expect([...(await here.admit('a', 4))].sort()).toEqual(ids.slice(0, 4));
      expect([...(await here.admit('b', 4))].sort()).toEqual(ids.slice(4));
    });

    it('respects the limit of each project, and lets no project delay another', async () => {
      const { runningPerProjectMax: max } = harness;
      const busy = await queueAll(
        ...Array.from({ length: max + 3 }, () => ({ projectId: 'busy', priority: 'urgent' as const })),
      );
      const calm = await harness.queue({ projectId: 'calm', priority: 'low' });
      const admitted = await here.admit('a', LOTS);
      expect([...admitted].sort()).toEqual([...busy.slice(0, max), calm].sort());
      expect(await here.admit('a', LOTS)).toEqual([]);
      await harness.end(busy[0]!, 'a');
      expect(await there.admit('b', LOTS)).toEqual([busy[max]]);
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
      const admitted = await here.admit('a', LOTS);
      expect([...admitted].sort()).toEqual([urgent, other, elsewhere, free].sort());
      expect(await here.admit('a', LOTS)).toEqual([]);
      await harness.end(urgent!, 'a');
      expect(await here.admit('a', LOTS)).toEqual([first]);
      expect(await there.admit('b', LOTS)).toEqual([]);
      await harness.end(first!, 'a');
      expect(await there.admit('b', LOTS)).toEqual([second]);
    });

    it('does not count commands that wait for a lock against their project', async () => {
      const { runningPerProjectMax: max } = harness;
      const locked = await queueAll(
        ...Array.from({ length: max + 2 }, () => ({ lock: 'one', priority: 'high' as const })),
      );
      const free = await queueAll(...Array.from({ length: max - 1 }, () => ({})));
      const admitted = await here.admit('a', LOTS);
      expect([...admitted].sort()).toEqual([locked[0], ...free].sort());
    });

    it('never exceeds a limit and admits nothing twice under concurrency', async () => {
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
        const admitted = await Promise.all(owners.map((owner, i) => (i % 2 === 0 ? here : there).admit(owner, 3)));
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

    it('returns commands past their queue timeout, and does not admit them', async () => {
      const [overdue, patient, forever] = await queueAll(
        { queueTimeoutSeconds: 0 },
        { queueTimeoutSeconds: 3600 },
        { queueTimeoutSeconds: null },
      );
      await until(async () => (await here.overdue(10)).length > 0);
      expect(await there.overdue(10)).toEqual([overdue]);
      expect((await here.admit('a', LOTS)).sort()).toEqual([patient, forever].sort());
      expect(await here.overdue(10)).toEqual([overdue]);
    });

    it('returns at most the requested number', async () => {
      await queueAll({ queueTimeoutSeconds: 0 }, { queueTimeoutSeconds: 0 }, { queueTimeoutSeconds: 0 });
      await until(async () => (await here.overdue(10)).length === 3);
      expect(await here.overdue(2)).toHaveLength(2);
    });

    it('alternates between keys of the same priority, however many commands each has queued', async () => {
      const of = (keyId: string, count: number, traits: Traits = {}): Traits[] =>
        Array.from({ length: count }, () => ({ keyId, ...traits }));
      const a = await queueAll(...of(KEY.a, 5));
      const b = await queueAll(...of(KEY.b, 2));
      const [urgent] = await queueAll(...of(KEY.a, 1, { priority: 'urgent' }));
      const order: string[] = [];
      const next = async (): Promise<void> => {
        const [id] = await here.admit('x', 1);
        order.push(id!);
        await harness.end(id!, 'x');
      };
      for (let i = 0; i < 4; i++) await next();
      // A key that arrives late starts at the current turn: it has not saved up turns.
      const c = await queueAll(...of(KEY.c, 2));
      for (let i = 0; i < 6; i++) await next();
      expect(order.slice(0, 4)).toEqual([urgent, a[0], b[0], a[1]]);
      expect(order.slice(4)).toEqual([b[1], c[0], a[2], c[1], a[3], a[4]]);
    });

    it('raises a command by one priority for each time span since its creation', async () => {
      const span = AGING_SECONDS;
      const [urgent, high] = await queueAll(
        { projectId: 'p1', priority: 'urgent' },
        { projectId: 'p2', priority: 'high' },
      );
      const older = await harness.queue({ projectId: 'p3', priority: 'low' }, 2 * span);
      const oldest = await harness.queue({ projectId: 'p4', priority: 'low' }, 4 * span);
      const order: string[] = [];
      for (let i = 0; i < 4; i++) order.push(...(await here.admit('a', 1)));
      // Age decides among equals: "older" now weighs as much as "high", and precedes it by age, not by id.
      expect(order.slice(0, 2)).toEqual([oldest, urgent]);
      expect(order.slice(2).sort()).toEqual([high, older].sort());
    });

    it('moves a command when its priority changes', async () => {
      const [first, second, third] = await queueAll({ projectId: 'p1' }, { projectId: 'p2' }, { projectId: 'p3' });
      await harness.reprioritize(third!, 'urgent');
      await harness.reprioritize(first!, 'low');
      const order: string[] = [];
      for (let i = 0; i < 3; i++) order.push(...(await here.admit('a', 1)));
      expect(order).toEqual([third, second, first]);
    });

    it('respects the limit of a key across projects, as soon as it changes, and lets no key delay another', async () => {
      await harness.limitKey(KEY.a, 2);
      const limited = await queueAll(
        ...[0, 1, 2, 3].map((i) => ({ keyId: KEY.a, projectId: `p${i}`, priority: 'urgent' as const })),
      );
      const free = await queueAll({ keyId: KEY.b, projectId: 'p0' }, { keyId: KEY.b, projectId: 'p3' });
      expect((await here.admit('a', LOTS)).sort()).toEqual([...limited.slice(0, 2), ...free].sort());
      expect(await there.admit('b', LOTS)).toEqual([]);
      await harness.limitKey(KEY.a, 3);
      expect(await there.admit('b', LOTS)).toEqual([limited[2]]);
      await harness.limitKey(KEY.a, 1);
      await harness.end(limited[0]!, 'a');
      await harness.end(limited[1]!, 'a');
      expect(await here.admit('a', LOTS)).toEqual([]);
      await harness.end(limited[2]!, 'b');
      expect(await here.admit('a', LOTS)).toEqual([limited[3]]);
    });

    it('reserves a slot for an aged command that waits for its key, so that others cannot alternate on what it needs', async () => {
      const { runningPerProjectMax: max } = harness;
      await harness.limitKey(KEY.a, 1);
      const holder = await harness.queue({ keyId: KEY.a, projectId: 'elsewhere' });
      expect(await here.admit('a', 1)).toEqual([holder]);
      const aged = await harness.queue({ keyId: KEY.a, projectId: 'busy', lock: 'one' }, 5 * AGING_SECONDS);
      const others = await queueAll(
        { keyId: KEY.b, projectId: 'busy', lock: 'one' },
        ...Array.from({ length: max + 1 }, () => ({ keyId: KEY.b, projectId: 'busy' })),
      );
      expect((await here.admit('a', LOTS)).sort()).toEqual(others.slice(1, max));
      expect(await here.admit('a', LOTS)).toEqual([]);
      await harness.end(holder, 'a');
      expect(await here.admit('a', LOTS)).toEqual([aged]);
    });

    it('admits nothing while the queue or all queues are paused, and continues where it was', async () => {
      const [paused, elsewhere] = await queueAll({ projectId: 'p1' }, { projectId: 'p2' });
      await harness.pause('p1', true);
      expect(await here.admit('a', LOTS)).toEqual([elsewhere]);
      await harness.pause('', true);
      await harness.pause('p1', false);
      const [third] = await queueAll({ projectId: 'p2' });
      expect(await there.admit('a', LOTS)).toEqual([]);
      await harness.pause('', false);
      expect((await there.admit('a', LOTS)).sort()).toEqual([paused, third].sort());
    });

    it('continues past commands that have left the queue', async () => {
      const ids = await queueAll(...Array.from({ length: 6 }, () => ({ lock: 'one', keyId: KEY.a })));
      for (const id of ids.slice(0, 4)) await harness.cancel(id);
      expect(await here.admit('a', LOTS)).toEqual([ids[4]]);
      await harness.cancel(ids[5]!);
      await harness.end(ids[4]!, 'a');
      expect(await here.admit('a', LOTS)).toEqual([]);
      const again = await harness.queue({ lock: 'one', keyId: KEY.a });
      expect(await here.admit('a', LOTS)).toEqual([again]);
    });

    it('finds a command that can run after any number that cannot', async () => {
      const { runningPerProjectMax: max } = harness;
      await queueAll(...Array.from({ length: max }, () => ({ projectId: 'full' })));
      await here.admit('a', LOTS);
      for (let i = 0; i < 60; i++) await harness.queue({ projectId: 'full', priority: 'urgent', lock: `lock-${i}` });
      const low = await harness.queue({ projectId: 'calm', priority: 'low' });
      expect(await here.admit('a', 1)).toEqual([low]);
    });

    it('counts slots by the state of commands: one whose replica died keeps its slot', async () => {
      const { runningPerProjectMax: max } = harness;
      await queueAll(...Array.from({ length: max + 1 }, () => ({})));
      expect(await here.admit('dead', LOTS)).toHaveLength(max);
      expect(await there.admit('b', LOTS)).toEqual([]);
    });
  });
}
