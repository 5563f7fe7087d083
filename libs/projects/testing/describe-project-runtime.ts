import { until } from '@app/kernel/testing';
import type { ProjectRuntime } from '../src/application/project-runtime.js';
import type { Condition, ManagedProject } from '../src/domain/project.js';
import { aProject, aProjectId, aProjectSpec } from './a-project.js';

export interface ProjectRuntimeHarness {
  readonly runtime: ProjectRuntime;
  /** The files that commands of the project would find; null if no command could run there. */
  files(projectId: string): Promise<readonly string[] | null>;
  /** Writes a file as a command would. */
  write(projectId: string, name: string): Promise<void>;
  /** A repository with a file `README` on `main`, and `NEW` on the branch `next`. */
  readonly gitUrl: string;
  /** A repository that does not exist. */
  readonly missingGitUrl: string;
  close(): Promise<void>;
}

/** A project that was not reconciled yet. */
const aNewProject = (traits: Partial<ManagedProject> = {}): ManagedProject =>
  aProject({ status: 'pending', ...traits });

const never = new AbortController().signal;
const PATIENCE_MS = 60_000;

/** For runtimes that create projects. */
export function describeProjectRuntime(name: string, open: () => Promise<ProjectRuntimeHarness>): void {
  describe(`ProjectRuntime: ${name}`, () => {
    let harness: ProjectRuntimeHarness;
    let runtime: ProjectRuntime;
    beforeAll(async () => {
      harness = await open();
      ({ runtime } = harness);
    }, PATIENCE_MS);
    afterAll(() => harness.close());

    /** Reconciles the project until it has this status. */
    const becomes = async (project: ManagedProject, status: Condition['status']): Promise<Condition> => {
      let condition: Condition = { status: 'unknown', reason: null };
      const look = async (): Promise<boolean> => {
        condition = await runtime.reconcile(project, never);
        return condition.status === status;
      };
      await until(look, PATIENCE_MS).catch((cause: unknown) => {
        throw new Error(`It is ${JSON.stringify(condition)}, not ${status}.`, { cause });
      });
      return condition;
    };
    const goes = (project: ManagedProject): Promise<void> => until(() => runtime.remove(project, never), PATIENCE_MS);

    it(
      'creates an empty project, and keeps its content when it is reconciled again',
      async () => {
        const project = aNewProject();
        expect(await becomes(project, 'running')).toMatchObject({ status: 'running', reason: null });
        expect(await harness.files(project.id)).toEqual([]);
        await harness.write(project.id, 'kept');
        expect(await runtime.reconcile(project, never)).toMatchObject({ status: 'running', reason: null });
        expect(await harness.files(project.id)).toEqual(['kept']);
      },
      PATIENCE_MS,
    );

    it(
      'clones a repository once, at its default branch or a requested one',
      async () => {
        const [main, next] = [
          aNewProject({ gitUrl: harness.gitUrl }),
          aNewProject({ gitUrl: harness.gitUrl, gitRef: 'next' }),
        ];
        await Promise.all([becomes(main, 'running'), becomes(next, 'running')]);
        expect(await harness.files(main.id)).toEqual(['.git', 'README']);
        expect(await harness.files(next.id)).toEqual(['.git', 'NEW', 'README']);
        await harness.write(main.id, 'own');
        await runtime.reconcile(main, never);
        expect(await harness.files(main.id)).toEqual(['.git', 'README', 'own']);
      },
      PATIENCE_MS,
    );

    it(
      'explains why it cannot clone, and lets nothing run in a partial clone',
      async () => {
        const { gitUrl, missingGitUrl } = harness;
        const noBranch = aNewProject({ gitUrl, gitRef: 'missing' });
        const nowhere = aNewProject({ gitUrl: missingGitUrl });
        const [first, second] = await Promise.all([becomes(noBranch, 'failed'), becomes(nowhere, 'failed')]);
        expect(first.reason).toMatch(/missing/);
        expect(second.reason).toMatch(/not exist|not found|no such repository/);
        expect(await harness.files(noBranch.id)).toBeNull();
        expect(await harness.files(nowhere.id)).toBeNull();
      },
      PATIENCE_MS,
    );

    it(
      'stops, starts again with its files, and is deleted with them',
      async () => {
        const project = aNewProject();
        const stopped = { ...project, desired: 'stopped' as const, revision: 2 };
        await becomes(project, 'running');
        await harness.write(project.id, 'kept');
        await becomes(stopped, 'stopped');
        await becomes({ ...project, revision: 3 }, 'running');
        expect(await harness.files(project.id)).toEqual(['kept']);
        await goes(project);
        expect(await harness.files(project.id)).toBeNull();
        await becomes({ ...project, revision: 1 }, 'running');
        expect(await harness.files(project.id)).toEqual([]);
      },
      2 * PATIENCE_MS,
    );

    it(
      'leaves kept files to a later project with that id',
      async () => {
        const project = aNewProject();
        await becomes(project, 'running');
        await harness.write(project.id, 'kept');
        await goes({ ...project, keepStorage: true });
        await becomes(project, 'running');
        expect(await harness.files(project.id)).toEqual(['kept']);
        await goes(project);
      },
      2 * PATIENCE_MS,
    );

    it('removes a project that does not exist', async () => {
      await goes(aNewProject());
    });

    it('refuses a transport that runs programs', async () => {
      const project = aNewProject({ gitUrl: 'ext::sh -c touch% /tmp/x' });
      const refuse = async (): Promise<void> => {
        runtime.validate(project);
        throw new Error((await becomes(project, 'failed')).reason ?? '');
      };
      await expect(refuse()).rejects.toThrow(/not allowed|ext|must be/);
    });

    it('accepts a minimal request', () => {
      runtime.validate(aProjectSpec({ gitUrl: 'https://example.com/x.git', gitRef: 'main', env: { A: '1' } }));
    });

    it('reports that it works', async () => {
      await runtime.check(never);
    });

    it('returns null for a project that it does not observe', () => {
      expect(runtime.find(aProjectId())).toBeNull();
      expect(runtime.lastSeen(aProjectId())).toBeNull();
    });

    it('removes a listener', () => {
      runtime.onChange(() => undefined)();
    });
  });
}
