import type { ProjectRepository } from '../src/application/project.repository.js';
import { ProjectExists } from '../src/domain/project.errors.js';
import { aProject, aProjectId } from './a-project.js';

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
      const {
        status: _status,
        reason: _reason,
        createdAt: _at,
        ...spec
      } = aProject({
        name: 'Über "web"',
        gitUrl: 'https://example.com/web.git',
        gitRef: 'main',
        env: { Z: '1', A: 'ä\n"x"', EMPTY: '' },
        labels: { team: 'a', 'x/y.z': '' },
      });
      await projects.insert(spec, 'pending');
      const found = await projects.findById(spec.id);
      expect(found).toMatchObject({ ...spec, status: 'pending', reason: null });
      expect(Object.keys(found!.env)).toEqual(['Z', 'A', 'EMPTY']);
      expect(Math.abs(found!.createdAt.getTime() - Date.now())).toBeLessThan(60_000);
      expect(await projects.all()).toContainEqual(found);
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

    it('changes the status, and says whether that changed anything', async () => {
      const { id, ...rest } = aProject();
      await projects.insert({ id, ...rest }, 'pending');
      expect(await projects.setStatus(id, 'failed', 'no such branch')).toBe(true);
      expect(await projects.setStatus(id, 'failed', 'no such branch')).toBe(false);
      expect(await projects.setStatus(id, 'failed', 'other')).toBe(true);
      expect(await projects.setStatus(id, 'running', null)).toBe(true);
      expect(await projects.setStatus(id, 'running', null)).toBe(false);
      expect(await projects.findById(id)).toMatchObject({ status: 'running', reason: null });
      expect(await projects.setStatus(aProjectId(), 'running', null)).toBe(false);
    });

    it('lets a project that is being deleted stay so, whatever its provisioning says', async () => {
      const project = aProject();
      await projects.insert(project, 'pending');
      expect(await projects.setStatus(project.id, 'terminating', null)).toBe(true);
      expect(await projects.setStatus(project.id, 'running', null)).toBe(false);
      expect(await projects.setStatus(project.id, 'failed', 'x')).toBe(false);
      expect(await projects.findById(project.id)).toMatchObject({ status: 'terminating' });
    });

    it('deletes once', async () => {
      const project = aProject();
      await projects.insert(project, 'running');
      expect(await projects.delete(project.id)).toBe(true);
      expect(await projects.delete(project.id)).toBe(false);
      expect(await projects.findById(project.id)).toBeNull();
    });

    it('notes when projects were used last, also those that it does not keep', async () => {
      const [used, unused] = [aProjectId(), aProjectId()];
      await projects.touch(used);
      const first = (await projects.lastCommandAt([used, unused])).get(used)!;
      await projects.touch(used);
      const second = await projects.lastCommandAt([used, unused]);
      expect([...second.keys()]).toEqual([used]);
      expect(second.get(used)!.getTime()).toBeGreaterThanOrEqual(first.getTime());
      expect(await projects.lastCommandAt([])).toEqual(new Map());
    });
  });
}
