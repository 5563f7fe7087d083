import type { ProjectRepository } from '../src/application/project.repository.js';
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

    it('keeps a project as it was asked for', async () => {
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
      const found = await projects.findById(spec.id);
      const fresh = { desired: 'running', revision: 1, restarts: 0, keepStorage: false };
      expect(found).toMatchObject({ ...spec, ...fresh, status: 'pending', reason: null });
      expect(Object.keys(found!.env)).toEqual(['Z', 'A', 'EMPTY']);
      expect(Math.abs(found!.createdAt.getTime() - Date.now())).toBeLessThan(60_000);
      expect(await projects.all()).toContainEqual(found);
      expect(await projects.lock(spec.id)).toEqual(found);
    });

    it('answers null for an id that there is not', async () => {
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
      it('changes what is given, and nothing else', async () => {
        const project = aProject({ name: 'before', labels: { a: '1' }, egress: ['public'] });
        await projects.insert(project, 'running');
        const before = (await projects.findById(project.id))!;
        const change = {
          name: 'after',
          env: { X: 'ä' },
          image: 'i:2',
          egress: null,
          ttlSeconds: 5,
          wakeOnCommand: false,
        };
        expect(await projects.change(project.id, change)).toBe(true);
        const after = (await projects.findById(project.id))!;
        expect(after).toEqual({ ...before, ...change, revision: before.revision + 1, changedAt: after.changedAt });
        expect(after.changedAt.getTime()).toBeGreaterThanOrEqual(before.changedAt.getTime());
        expect(await projects.change(aProjectId(), change)).toBe(false);
      });

      it('leaves a project that is being deleted as it is', async () => {
        const project = aProject();
        await projects.insert(project, 'pending');
        expect(await projects.change(project.id, { status: 'terminating', keepStorage: true })).toBe(true);
        expect(await projects.change(project.id, { desired: 'stopped', status: 'stopping' })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'terminating', desired: 'running' });
      });
    });

    describe('observe', () => {
      it('notes the status and the reason, and says whether the status is another one', async () => {
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

      it('forgets what was seen before the last change', async () => {
        const project = aProject();
        await projects.insert(project, 'running');
        await projects.change(project.id, { desired: 'stopped', status: 'stopping' });
        expect(await projects.observe(project, { status: 'failed', reason: 'x' })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'stopping', reason: null });
      });

      it('lets a project that is being deleted stay so', async () => {
        const project = aProject();
        await projects.insert(project, 'pending');
        await projects.change(project.id, { status: 'terminating' });
        const { revision } = (await projects.findById(project.id))!;
        expect(await projects.observe({ ...project, revision }, { status: 'running', reason: null })).toBe(false);
        expect(await projects.findById(project.id)).toMatchObject({ status: 'terminating' });
      });

      it('lets one of several win', async () => {
        const project = aProject();
        await projects.insert(project, 'pending');
        const all = await Promise.all(
          Array.from({ length: 5 }, () => projects.observe(project, { status: 'running', reason: null })),
        );
        expect(all.filter(Boolean)).toHaveLength(1);
      });
    });

    describe('care', () => {
      const [here, there] = ['replica-a', 'replica-b'];
      /** Ids of what is due, among these. */
      const claimed = async (owner: string, ids: readonly string[], leaseSeconds = 60): Promise<string[]> =>
        (await projects.claim(owner, leaseSeconds, 1_000)).map(({ id }) => id).filter((id) => ids.includes(id));
      const inserted = async (): Promise<string> => {
        const project = aProject();
        await projects.insert(project, 'pending');
        return project.id;
      };

      it('gives each due project to one replica', async () => {
        const ids = [await inserted(), await inserted()];
        const all = await Promise.all([claimed(here, ids), claimed(there, ids), claimed(here, ids)]);
        expect(all.flat().sort()).toEqual([...ids].sort());
        expect(await claimed(there, ids)).toEqual([]);
      });

      it('has it due again when the lease is given back, or earlier if somebody asks', async () => {
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

      it('is due at once when it was changed', async () => {
        const id = await inserted();
        await claimed(here, [id]);
        await projects.change(id, { desired: 'stopped' });
        await projects.release(id, here, 60);
        expect(await claimed(here, [id])).toEqual([id]);
      });

      it('passes on what a replica left that is gone', async () => {
        const id = await inserted();
        expect(await claimed(here, [id], 0)).toEqual([id]);
        expect(await projects.renew(id, here, 60)).toBe(false);
        expect(await claimed(there, [id])).toEqual([id]);
        expect(await projects.renew(id, here, 60)).toBe(false);
        expect(await projects.renew(id, there, 60)).toBe(true);
      });

      it('gives one by its id, due or not, unless another replica has it', async () => {
        const [id, other] = [await inserted(), await inserted()];
        await claimed(here, [id, other]);
        expect(await projects.claim(there, 60, 1, id)).toEqual([]);
        await projects.release(id, here, 60);
        expect((await projects.claim(there, 60, 1, id)).map((project) => project.id)).toEqual([id]);
      });
    });

    it('names those whose time is over', async () => {
      const [over, young, forever] = [aProject({ ttlSeconds: 0 }), aProject({ ttlSeconds: 60 }), aProject()];
      for (const project of [over, young, forever]) await projects.insert(project, 'running');
      const mine = async (): Promise<string[]> =>
        (await projects.expired()).filter((id) => [over.id, young.id, forever.id].includes(id));
      expect(await mine()).toEqual([over.id]);
      await projects.change(over.id, { status: 'terminating' });
      expect(await mine()).toEqual([]);
    });

    it('names those that are idle', async () => {
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
      expect((await projects.idle()).filter((id) => ids.includes(id))).toEqual([quiet.id]);
    });

    it('deletes once', async () => {
      const project = aProject();
      await projects.insert(project, 'running');
      expect(await projects.delete(project.id)).toBe(true);
      expect(await projects.delete(project.id)).toBe(false);
      expect(await projects.findById(project.id)).toBeNull();
    });

    it('notes when projects were used last, also those that it does not keep', async () => {
      const [used, other, unused] = [aProjectId(), aProjectId(), aProjectId()];
      await projects.touch([used, other], 'created');
      const first = (await projects.lastCommandAt([used, unused])).get(used)!;
      await projects.touch([other, used], 'created');
      const second = await projects.lastCommandAt([used, other, unused]);
      expect([...second.keys()].sort()).toEqual([used, other].sort());
      expect(second.get(used)!.getTime()).toBeGreaterThanOrEqual(first.getTime());
      await projects.touch([used], 'ended');
      expect(await projects.lastCommandAt([used, other])).toEqual(second);
      expect(await projects.lastCommandAt([])).toEqual(new Map());
    });
  });
}
