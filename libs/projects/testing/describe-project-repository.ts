import { PAGE_BYTES_MAX } from '@app/kernel';
import {
  IDS_PER_READ,
  type ProjectFilter,
  type ProjectRepository,
  eachId,
} from '../src/application/project.repository.js';
import type { ManagedProject } from '../src/domain/project.js';
import { ProjectExists } from '../src/domain/project.errors.js';
import { aProject, aProjectId, aProjectSpec } from './a-project.js';

export interface ProjectRepositoryHarness {
  readonly projects: ProjectRepository;
  close(): Promise<void>;
}

export function describeProjectRepository(name: string, open: () => Promise<ProjectRepositoryHarness>): void {
  describe(`ProjectRepository: ${name}`, () => {
    let harness: ProjectRepositoryHarness;
    let projects: ProjectRepository;
    beforeAll(async () => {
      harness = await open();
      ({ projects } = harness);
    });
    afterAll(() => harness.close());

    const listed = async (
      filter: Partial<ProjectFilter>,
      visible: readonly string[] | null = null,
    ): Promise<readonly ManagedProject[]> =>
      (await projects.list({ labels: {}, ...filter }, visible, 1_000, null)).data;

    it('stores a project as requested', async () => {
      const spec = aProjectSpec({
        name: 'Über "web"',
        gitUrl: 'https://example.com/web.git',
        gitRef: 'main',
        env: { Z: '1', A: 'ä\n"x"', EMPTY: '' },
        labels: { team: 'a', 'x/y.z': '' },
        image: 'example.com/work:1',
        pullSecretName: 'pull',
        gitSecretName: 'git',
        envFrom: [{ secretName: 'tokens' }],
        resources: { requests: { cpu: '1' }, limits: {} },
        storage: { size: '1Gi', className: null },
        egress: ['public:443'],
        ttlSeconds: 60,
        idleStopSeconds: 30,
        wakeOnCommand: false,
      });
      await projects.insert(spec, 'pending');
      const found = (await projects.findById(spec.id))!;
      const { env, ...asked } = spec;
      const fresh = { desired: 'running', revision: 1, restarts: 0, keepStorage: false };
      expect(found).toMatchObject({ ...asked, ...fresh, status: 'pending', reason: null });
      expect(Object.entries(await projects.environment(spec.id))).toEqual(Object.entries(env));
      expect(Math.abs(found.createdAt.getTime() - Date.now())).toBeLessThan(60_000);
      expect(await listed({})).toContainEqual(found);
      expect(await projects.lock(spec.id)).toEqual(found);
    });

    it('reads the variables of a project only on request', async () => {
      const spec = aProjectSpec({ env: { A: '1' } });
      await projects.insert(spec, 'pending');
      const reads = [
        await projects.findById(spec.id),
        await projects.lock(spec.id),
        (await listed({})).find(({ id }) => id === spec.id),
        (await projects.claim('replica', 60, 1, spec.id))[0],
      ];
      for (const read of reads) expect(Object.keys(read!)).not.toContain('env');
      expect(await projects.environment(spec.id)).toEqual({ A: '1' });
      expect(await projects.environment(aProjectId())).toEqual({});
    });

    describe('list', () => {
      it('filters by status, labels and visibility, newest first', async () => {
        const ids: string[] = [];
        for (const [status, labels] of [
          ['running', { team: 'a', env: 'ci' }],
          ['stopped', { team: 'a' }],
          ['running', { team: 'b' }],
        ] as const) {
          const spec = aProjectSpec({ id: `l-${aProjectId()}`, labels });
          await projects.insert(spec, status);
          ids.unshift(spec.id);
        }
        const [third, second, first] = ids as [string, string, string];
        const found = async (...args: Parameters<typeof listed>): Promise<string[]> =>
          (await listed(...args)).map(({ id }) => id).filter((id) => ids.includes(id));
        expect((await found({})).sort()).toEqual([...ids].sort());
        expect(await found({ status: 'stopped' })).toEqual([second]);
        expect((await found({ labels: { team: 'a' } })).sort()).toEqual([first, second].sort());
        expect(await found({ status: 'running', labels: { team: 'a', env: 'ci' } })).toEqual([first]);
        expect((await found({}, ['l-*'])).sort()).toEqual([...ids].sort());
        expect(await found({}, [third, '*-none'])).toEqual([third]);
        expect(await found({}, [third.replace('-', '_')])).toEqual([]);
        expect(await found({}, ['%'])).toEqual([]);
        expect(await found({}, [])).toEqual([]);
      });

      it('continues exactly after a position, also among projects of the same instant', async () => {
        const all = (await listed({})).map(({ createdAt, id }) => ({ createdAt, id }));
        expect(all.length).toBeGreaterThan(3);
        const seen: string[] = [];
        for (let after = null as (typeof all)[0] | null; ;) {
          const { data } = await projects.list({ labels: {} }, null, 2, after);
          seen.push(...data.map(({ id }) => id));
          after = data.at(-1) ?? null;
          if (after === null) break;
        }
        expect(seen).toEqual(all.map(({ id }) => id));
        expect(
          [...all].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1)),
        ).toEqual(all);
      });

      it('reads not much more than a page, however large labels are', async () => {
        const labels = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`l${i}`, '\u0001'.repeat(256)]));
        const ids = Array.from({ length: 15 }, () => `large-${aProjectId()}`);
        for (const id of ids) await projects.insert(aProjectSpec({ id, labels }), 'running');
        const { data, hasMore } = await projects.list({ labels: {} }, ['large-*'], 50, null);
        const bytes = Buffer.byteLength(JSON.stringify(data));
        expect([bytes > PAGE_BYTES_MAX, bytes < PAGE_BYTES_MAX + 250_000, hasMore]).toEqual([true, true, true]);
        const rest = await projects.list({ labels: {} }, ['large-*'], 50, data.at(-1)!);
        expect([...data, ...rest.data].map(({ id }) => id).sort()).toEqual([...ids].sort());
        expect(rest.hasMore).toBe(false);
      });
    });

    it('returns the ids that no project has', async () => {
      const { id } = aProject();
      await projects.insert(aProject({ id }), 'running');
      const [absent, other] = [aProjectId(), aProjectId()];
      expect(await projects.unknown([absent, id, other])).toEqual([absent, other]);
      expect(await projects.unknown([])).toEqual([]);
    });

    it('returns the running projects, read by read', async () => {
      const ids = Array.from({ length: IDS_PER_READ + 5 }, (_, i) => `run-${aProjectId()}-${i}`).sort();
      for (const id of ids) await projects.insert(aProjectSpec({ id }), 'running');
      await projects.insert(aProjectSpec({ id: 'run-not' }), 'stopped');
      expect(await projects.running('run-')).toEqual(ids.slice(0, IDS_PER_READ));
      const all: string[] = [];
      for await (const id of eachId((after) => projects.running(after))) all.push(id);
      expect(all.filter((id) => id.startsWith('run-'))).toEqual(ids);
    });

    it('returns null for an unknown id', async () => {
      expect(await projects.findById(aProjectId())).toBeNull();
    });

    it('refuses an id in use', async () => {
      const project = aProject();
      await projects.insert(project, 'pending');
      await expect(projects.insert(aProject({ id: project.id, name: 'other' }), 'running')).rejects.toThrow(
        ProjectExists,
      );
      expect(await projects.findById(project.id)).toMatchObject({ name: project.name, status: 'pending' });
    });

    it('lets one of several inserts of an id win', async () => {
      const id = aProjectId();
      const all = await Promise.allSettled(
        Array.from({ length: 5 }, (_, i) => projects.insert(aProject({ id, name: `n${i}` }), 'pending')),
      );
      expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of all) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ProjectExists);
    });

    describe('change', () => {
      it('changes the given fields, and no others', async () => {
        const project = aProject({ name: 'before', labels: { a: '1' }, egress: ['public'] });
        await projects.insert(project, 'running');
        const before = (await projects.findById(project.id))!;
        const change = {
          name: 'after',
          image: 'i:2',
          egress: null,
          ttlSeconds: 5,
          wakeOnCommand: false,
        };
        expect(await projects.change(project.id, { ...change, env: { X: 'ä' } })).toBe(true);
        expect(await projects.environment(project.id)).toEqual({ X: 'ä' });
        const after = (await projects.findById(project.id))!;
        expect(after).toEqual({ ...before, ...change, revision: before.revision + 1, changedAt: after.changedAt });
        expect(after.changedAt.getTime()).toBeGreaterThanOrEqual(before.changedAt.getTime());
        expect(await projects.change(aProjectId(), change)).toBe(false);
      });

      it('does not change a project that is being deleted', async () => {
        const project = aProject();
        await projects.insert(project, 'pending');
        expect(await projects.change(project.id, { status: 'terminating', keepStorage: true })).toBe(true);
        expect(await projects.change(project.id, { desired: 'stopped', status: 'stopping' })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'terminating', desired: 'running' });
      });
    });

    describe('observe', () => {
      it('records the status and the reason, and returns whether the status has changed', async () => {
        const project = aProject();
        await projects.insert(project, 'pending');
        expect(await projects.observe(project, { status: 'failed', reason: 'no such branch' })).toBe(true);
        expect(await projects.observe(project, { status: 'failed', reason: 'other' })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'failed', reason: 'other' });
        expect(await projects.observe(project, { status: 'running', reason: null })).toBe(true);
        expect(await projects.observe(project, { status: 'running', reason: null })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'running', reason: null });
        expect(await projects.observe(aProject(), { status: 'running', reason: null })).toBe(false);
      });

      it('discards an observation from before the last change', async () => {
        const project = aProject();
        await projects.insert(project, 'running');
        await projects.change(project.id, { desired: 'stopped', status: 'stopping' });
        expect(await projects.observe(project, { status: 'failed', reason: 'x' })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'stopping', reason: null });
      });

      it('leaves a project that is being deleted unchanged', async () => {
        const project = aProject();
        await projects.insert(project, 'pending');
        await projects.change(project.id, { status: 'terminating' });
        const { revision } = (await projects.findById(project.id))!;
        expect(await projects.observe({ ...project, revision }, { status: 'running', reason: null })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'terminating' });
      });

      it('lets exactly one of several observers win', async () => {
        const project = aProject();
        await projects.insert(project, 'pending');
        const all = await Promise.all(
          Array.from({ length: 5 }, () => projects.observe(project, { status: 'running', reason: null })),
        );
        expect(all.filter(Boolean)).toHaveLength(1);
      });
    });

    it('records the volume of a project, and its loss once', async () => {
      const { id } = aProject();
      await projects.insert(aProjectSpec({ id }), 'running');
      const found = async () => (await projects.findById(id))!;
      expect(await projects.noteVolume(await found(), 'first')).toBe(false);
      const before = await found();
      expect([before.volume, before.volumeLost]).toEqual(['first', false]);
      expect(await projects.noteVolume(before, 'second')).toBe(true);
      // A replica that was late.
      expect(await projects.noteVolume(before, 'second')).toBe(false);
      expect(await projects.noteVolume({ id, volume: null }, 'first')).toBe(false);
      expect(await found()).toMatchObject({ volume: 'second', volumeLost: true, revision: before.revision });
      await projects.change(id, { volumeLost: false });
      expect(await found()).toMatchObject({ volume: 'second', volumeLost: false });
    });

    describe('reconciliation', () => {
      const [here, there] = ['replica-a', 'replica-b'];
      /** Those of the ids that are due. */
      const claimed = async (owner: string, ids: readonly string[], leaseSeconds = 60): Promise<string[]> =>
        (await projects.claim(owner, leaseSeconds, 1_000)).map(({ id }) => id).filter((id) => ids.includes(id));
      const inserted = async (): Promise<string> => {
        const project = aProject();
        await projects.insert(project, 'pending');
        return project.id;
      };

      it('leases each due project to one replica', async () => {
        const ids = [await inserted(), await inserted()];
        const all = await Promise.all([claimed(here, ids), claimed(there, ids), claimed(here, ids)]);
        expect(all.flat().sort()).toEqual([...ids].sort());
        expect(await claimed(there, ids)).toEqual([]);
      });

      it('makes it due again when the lease is released, or earlier on request', async () => {
        const id = await inserted();
        expect(await claimed(here, [id])).toEqual([id]);
        await projects.release(id, there, 0);
        expect(await claimed(there, [id])).toEqual([]);
        await projects.release(id, here, 60);
        expect(await claimed(there, [id])).toEqual([]);
        await projects.makeDue(id);
        expect(await claimed(there, [id])).toEqual([id]);
        await projects.makeDue(id);
        expect(await claimed(here, [id])).toEqual([]);
        await projects.release(id, there, 60);
        expect(await claimed(here, [id])).toEqual([id]);
      });

      it('is due immediately after a change', async () => {
        const id = await inserted();
        await claimed(here, [id]);
        await projects.change(id, { desired: 'stopped' });
        await projects.release(id, here, 60);
        expect(await claimed(here, [id])).toEqual([id]);
      });

      it('passes on the leases of a dead replica', async () => {
        const id = await inserted();
        expect(await claimed(here, [id], 0)).toEqual([id]);
        expect(await projects.renew(id, here, 60)).toBe(false);
        expect(await claimed(there, [id])).toEqual([id]);
        expect(await projects.renew(id, here, 60)).toBe(false);
        expect(await projects.renew(id, there, 60)).toBe(true);
      });

      it('tells who has leases, and when the first of them expires', async () => {
        const holder = async () => (await projects.leaseHolders()).find(({ owner }) => owner === here);
        const before = (await holder())?.count ?? 0;
        const ids = [await inserted(), await inserted()];
        await claimed(here, ids, 5);
        expect(await holder()).toMatchObject({ count: before + 2 });
        const leftMs = (await holder())!.expiresAt.getTime() - Date.now();
        expect(leftMs).toBeLessThanOrEqual(10_000);
        for (const id of ids) await projects.release(id, here, 60);
        expect((await holder())?.count ?? 0).toBe(before);
      });

      it('leases one by its id, due or not, unless another replica holds it', async () => {
        const [id, other] = [await inserted(), await inserted()];
        await claimed(here, [id, other]);
        expect(await projects.claim(there, 60, 1, id)).toEqual([]);
        await projects.release(id, here, 60);
        expect((await projects.claim(there, 60, 1, id)).map((project) => project.id)).toEqual([id]);
      });
    });

    it('returns those whose time to live has passed', async () => {
      const [over, young, forever] = [aProject({ ttlSeconds: 0 }), aProject({ ttlSeconds: 60 }), aProject()];
      for (const project of [over, young, forever]) await projects.insert(project, 'running');
      const mine = async (): Promise<string[]> =>
        (await projects.expired('')).filter((id) => [over.id, young.id, forever.id].includes(id));
      expect(await mine()).toEqual([over.id]);
      await projects.change(over.id, { status: 'terminating' });
      expect(await mine()).toEqual([]);
    });

    it('returns idle ones', async () => {
      const idle = { idleStopSeconds: 0 };
      const [quiet, busy, pending, always] = [
        aProject(idle),
        aProject({ idleStopSeconds: 60 }),
        aProject(idle),
        aProject(),
      ];
      for (const project of [quiet, busy, always]) await projects.insert(project, 'running');
      await projects.insert(pending, 'pending');
      const ids = [quiet, busy, pending, always].map(({ id }) => id);
      expect((await projects.idle('')).filter((id) => ids.includes(id))).toEqual([quiet.id]);
    });

    it('deletes once', async () => {
      const project = aProject();
      await projects.insert(project, 'running');
      expect(await projects.delete(project.id)).toBe(true);
      expect(await projects.delete(project.id)).toBe(false);
      expect(await projects.findById(project.id)).toBeNull();
    });

    describe('activity', () => {
      const used = (at: Date, ...ids: readonly string[]): ReadonlyMap<string, Date> =>
        new Map(ids.map((id) => [id, at]));

      it('is that of the newest command, also for projects that are not stored here', async () => {
        const [first, second, unused] = [aProjectId(), aProjectId(), aProjectId()];
        const [early, late] = [new Date('2026-01-01T00:00:00.001Z'), new Date('2026-01-01T00:00:00.002Z')];
        await projects.touch(used(early, first, second), [first, second]);
        await projects.touch(used(late, second), [second, first]);
        await projects.touch(used(early, second), [second]);
        const expected = new Map([
          [first, early],
          [second, late],
        ]);
        expect(await projects.lastCommandAt([second, first, unused])).toEqual(expected);
        expect(await projects.lastCommandAt([])).toEqual(new Map());
      });

      it('is deleted with the project: nothing recorded earlier or late counts for a later one with that id', async () => {
        const project = aProject();
        await projects.insert(project, 'running');
        const before = (await projects.findById(project.id))!.createdAt;
        await projects.touch(used(before, project.id), []);
        expect((await projects.lastCommandAt([project.id])).size).toBe(1);
        await projects.delete(project.id);
        expect((await projects.lastCommandAt([project.id])).size).toBe(0);
        await projects.touch(used(before, project.id), []);
        expect((await projects.lastCommandAt([project.id])).size).toBe(0);
        await projects.insert(project, 'running');
        await projects.touch(used(new Date(before.getTime() - 1), project.id), []);
        expect((await projects.lastCommandAt([project.id])).size).toBe(0);
      });

      it('of pods with the id does not count for a later project with it', async () => {
        const project = aProject();
        await projects.touch(used(new Date(), project.id), [project.id]);
        await projects.insert(project, 'running');
        const { createdAt } = (await projects.findById(project.id))!;
        await projects.touch(used(new Date(createdAt.getTime() - 1), project.id), [project.id]);
        expect((await projects.lastCommandAt([project.id])).size).toBe(0);
      });

      it('leaves nothing behind, however a deletion and a record of it interleave', async () => {
        const all = Array.from({ length: 10 }, () => aProject());
        for (const project of all) await projects.insert(project, 'running');
        await Promise.all(
          all.flatMap(({ id }) => [projects.delete(id), ...[1, 2].map(() => projects.touch(used(new Date(), id), []))]),
        );
        expect(await projects.lastCommandAt(all.map(({ id }) => id))).toEqual(new Map());
      });
    });
  });
}
