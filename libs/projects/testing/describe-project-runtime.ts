import type { ProjectRuntime } from '../src/application/project-runtime.js';
import { aProject, aProjectId } from './a-project.js';

export interface ProjectRuntimeHarness {
  readonly runtime: ProjectRuntime;
  /** What commands of the project would find there; null if the project is not there. */
  files(projectId: string): Promise<readonly string[] | null>;
  /** A repository with a file `README` on `main`, and `NEW` on the branch `next`. */
  readonly gitUrl: string;
  close(): Promise<void>;
}

const never = new AbortController().signal;

/** For runtimes that make projects. */
export function describeProjectRuntime(name: string, open: () => Promise<ProjectRuntimeHarness>): void {
  describe(`ProjectRuntime: ${name}`, () => {
    let harness: ProjectRuntimeHarness;
    let runtime: ProjectRuntime;
    beforeAll(async () => {
      harness = await open();
      ({ runtime } = harness);
    });
    afterAll(() => harness.close());

    it('makes an empty project, and leaves what is in it when it does so again', async () => {
      const project = aProject();
      await runtime.provision(project, never);
      await runtime.provision(project, never);
      expect(await harness.files(project.id)).toEqual([]);
    });

    it('clones a repository, at its own branch or the one asked for', async () => {
      const [main, next] = [aProject({ gitUrl: harness.gitUrl }), aProject({ gitUrl: harness.gitUrl, gitRef: 'next' })];
      await runtime.provision(main, never);
      await runtime.provision(next, never);
      expect(await harness.files(main.id)).toEqual(['.git', 'README']);
      expect(await harness.files(next.id)).toEqual(['.git', 'NEW', 'README']);
    });

    it.each([
      ['a branch that there is not', { gitRef: 'missing' }, /missing/],
      ['a repository that there is not', { gitUrl: '/nowhere/at/all.git' }, /nowhere|exist/],
      ['a transport that runs programs', { gitUrl: 'ext::sh -c touch% /tmp/x' }, /not allowed|ext/],
    ])('says in words why it cannot clone %s, and leaves nothing half-made', async (_case, traits, message) => {
      const project = aProject({ gitUrl: harness.gitUrl, ...traits });
      await expect(runtime.provision(project, never)).rejects.toThrow(message);
      expect(await harness.files(project.id)).toBeNull();
    });

    it('makes it after all when a first attempt was given up', async () => {
      const project = aProject({ gitUrl: harness.gitUrl });
      await expect(runtime.provision(project, AbortSignal.abort())).rejects.toThrow();
      expect(await harness.files(project.id)).toBeNull();
      await runtime.provision(project, never);
      expect(await harness.files(project.id)).toEqual(['.git', 'README']);
    });

    it('removes what it made, and what is not there', async () => {
      const project = aProject({ gitUrl: harness.gitUrl });
      await runtime.provision(project, never);
      await runtime.dispose(project.id);
      await runtime.dispose(project.id);
      await runtime.dispose(aProjectId());
      expect(await harness.files(project.id)).toBeNull();
    });

    it('says that it works', async () => {
      await runtime.check(never);
    });

    it('answers null for what it does not see', () => {
      expect(runtime.find(aProjectId())).toBeNull();
    });

    it('lets a listener go', () => {
      runtime.onChange(() => undefined)();
    });
  });
}
