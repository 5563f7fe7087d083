import { execFileSync, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { until } from '@app/kernel/testing';
import { Workspaces } from '@app/local';
import { aProject, aProjectSpec, describeProjectRuntime } from '@app/projects/testing';
import type { Condition, ProjectStatus } from '../../domain/project.js';
import { LocalProjectRuntime } from './local-project-runtime.js';

const environment = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' };

interface Place {
  readonly dir: string;
  readonly workspaces: Workspaces;
  readonly gitUrl: string;
  git(...args: string[]): void;
}

async function open(): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'rdev-local-runtime-'));
  const workspaces = new Workspaces(join(dir, 'data'), environment);
  await workspaces.ensure();
  const gitUrl = join(dir, 'origin');
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com'];
  const git = (...args: string[]): void => {
    execFileSync('git', ['-C', gitUrl, ...identity, ...args], { env: environment, stdio: 'pipe' });
  };
  await mkdir(gitUrl);
  git('init', '--quiet', '--initial-branch=main');
  await writeFile(join(gitUrl, 'README'), 'hello');
  git('add', '.');
  git('commit', '--quiet', '-m', 'first');
  git('switch', '--quiet', '-c', 'next');
  await writeFile(join(gitUrl, 'NEW'), 'new');
  git('add', '.');
  git('commit', '--quiet', '-m', 'second');
  git('switch', '--quiet', 'main');
  return { dir, workspaces, gitUrl, git };
}

describeProjectRuntime('local', async () => {
  const { dir, workspaces, gitUrl } = await open();
  return {
    runtime: new LocalProjectRuntime(workspaces),
    gitUrl,
    missingGitUrl: '/nowhere/at/all.git',
    write: (id, name) => writeFile(join(workspaces.directory(id), name), ''),
    files: (id) =>
      readdir(workspaces.directory(id)).then(
        (names) => names.sort(),
        () => null,
      ),
    close: () => rm(dir, { recursive: true }),
  };
});

describe('LocalProjectRuntime', () => {
  let place: Place;
  beforeAll(async () => (place = await open()));
  afterAll(() => rm(place.dir, { recursive: true }));

  it('aborts a clone on request, and does not later take a partial one for a project', async () => {
    const { dir, workspaces, gitUrl } = place;
    const runtime = new LocalProjectRuntime(workspaces);
    // A repository that never responds: git waits for this program, as it waits for ssh.
    const ssh = join(dir, 'ssh');
    await writeFile(ssh, '#!/bin/sh\nexec sleep 600\n');
    await chmod(ssh, 0o755);
    const hanging = new Workspaces(join(dir, 'data'), { ...environment, PATH: `${dir}:${environment.PATH}` });
    const project = aProject({ status: 'pending', gitUrl: 'git@example.invalid:x.git' });
    const abort = new AbortController();
    const cloning = new LocalProjectRuntime(hanging).reconcile(project, abort.signal);
    cloning.catch(() => undefined);
    const temporary = `${workspaces.directory(project.id)}.cloning`;
    await until(() => stat(temporary));
    abort.abort();
    await expect(cloning).rejects.toThrow();
    await expect(stat(workspaces.directory(project.id))).rejects.toThrow('ENOENT');
    await runtime.reconcile({ ...project, gitUrl }, new AbortController().signal);
    expect((await readdir(workspaces.directory(project.id))).sort()).toEqual(['.git', 'README']);
    await expect(stat(temporary)).rejects.toThrow('ENOENT');
  });

  it('starts over after a crash has left a partial clone', async () => {
    const { workspaces, gitUrl } = place;
    const project = aProject({ status: 'pending', gitUrl });
    const temporary = `${workspaces.directory(project.id)}.cloning`;
    await mkdir(join(temporary, '.git'), { recursive: true });
    await writeFile(join(temporary, '.git', 'HEAD.lock'), '');
    await new LocalProjectRuntime(workspaces).reconcile(project, new AbortController().signal);
    expect((await readdir(workspaces.directory(project.id))).sort()).toEqual(['.git', 'README']);
  });

  it('checks out a commit by its id', async () => {
    const { workspaces, gitUrl } = place;
    const commit = execFileSync('git', ['-C', gitUrl, 'rev-parse', 'next'], { env: environment }).toString().trim();
    const project = aProject({ status: 'pending', gitUrl, gitRef: commit });
    await new LocalProjectRuntime(workspaces).reconcile(project, new AbortController().signal);
    expect((await readdir(workspaces.directory(project.id))).sort()).toEqual(['.git', 'NEW', 'README']);
  });

  it('removes a project while a process still has its files open', async () => {
    const { workspaces } = place;
    const runtime = new LocalProjectRuntime(workspaces);
    const project = aProject({ status: 'pending' });
    await runtime.reconcile(project, new AbortController().signal);
    const directory = workspaces.directory(project.id);
    const child = spawn('sleep', ['600'], { cwd: directory });
    try {
      await writeFile(join(directory, 'file'), 'x');
      await runtime.remove(project);
      await expect(stat(directory)).rejects.toThrow('ENOENT');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('refuses cluster-only settings, and names each field', () => {
    const runtime = new LocalProjectRuntime(place.workspaces);
    const spec = aProjectSpec({
      image: 'alpine',
      egress: [],
      ttlSeconds: 1,
      wakeOnCommand: false,
      envFrom: [{ secretName: 'x' }],
    });
    const fields = ['#/image', '#/envFrom', '#/egress', '#/ttlSeconds', '#/wakeOnCommand'];
    expect(() => runtime.validate(spec)).toThrow(
      expect.objectContaining({
        code: 'INVALID_REQUEST',
        errors: fields.map((pointer) => ({ pointer, detail: 'is not supported by the local runtime' })),
      }),
    );
  });

  it('makes spool and projects accessible only to their owner, including those of an earlier release', async () => {
    const { workspaces } = place;
    const directories = [workspaces.spoolDirectory, dirname(workspaces.directory('x'))];
    for (const directory of directories) await chmod(directory, 0o755);
    await workspaces.ensure();
    for (const directory of directories) expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it("reports that a project's directory is gone, until a client has it recreated", async () => {
    const runtime = new LocalProjectRuntime(place.workspaces);
    const reconcile = (status: ProjectStatus, reason: string | null = null): Promise<Condition> =>
      runtime.reconcile({ ...project, status, reason }, new AbortController().signal);
    const project = aProject({ status: 'pending' });
    const directory = place.workspaces.directory(project.id);
    await reconcile('pending');
    await rm(directory, { recursive: true });
    const { status, reason } = await reconcile('running');
    expect([status, reason]).toEqual(['failed', expect.stringContaining('directory is gone')]);
    expect(await reconcile('failed', reason)).toEqual({ status, reason });
    await expect(stat(directory)).rejects.toThrow('ENOENT');
    for (const asked of ['pending', 'stopping'] as const) {
      await rm(directory, { recursive: true, force: true });
      expect(await reconcile(asked)).toEqual({ status: 'running', reason: null });
    }
    // The directory has been restored by hand.
    expect(await reconcile('failed', reason)).toEqual({ status: 'running', reason: null });
  });
});
