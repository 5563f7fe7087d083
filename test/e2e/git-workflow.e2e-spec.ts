import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type ApiProcess, createProject, eventually, freePort, startApi, textOf } from '../support/index.js';
import { gitWorkflow } from '../support/scenarios/git-workflow.js';

const run = promisify(execFile);

describe('a day with a git repository', () => {
  let api: ApiProcess;
  const daemons: ChildProcess[] = [];

  beforeAll(async () => {
    api = await startApi();
  });
  afterEach(() => {
    for (const daemon of daemons.splice(0)) process.kill(-daemon.pid!, 'SIGKILL');
  });
  afterAll(() => api.stop());

  /** Serves the repository with `git daemon`. */
  async function serve(repository: string): Promise<string> {
    const port = await freePort();
    const args = [
      'daemon',
      '--reuseaddr',
      '--export-all',
      '--listen=127.0.0.1',
      `--port=${port}`,
      `--base-path=${dirname(repository)}`,
    ];
    const daemon = spawn('git', args, { stdio: 'ignore', detached: true });
    await once(daemon, 'spawn');
    daemons.push(daemon);
    const url = `git://127.0.0.1:${port}/${repository.slice(dirname(repository).length + 1)}`;
    await eventually(() => run('git', ['ls-remote', url]));
    return url;
  }

  it.each([
    ['git daemon', serve],
    ['a path', (repository: string) => repository],
  ])('goes from clone to commit, with the repository served by %s', async (_name, urlOf) => {
    const projectId = await createProject(api.client);
    const workspace = join(api.dataDir, 'projects', projectId);
    await gitWorkflow({
      client: api.client,
      projectId,
      urlOf,
      workspace,
      place: { cwd: join(workspace, 'repository') },
    });
  });

  it('can begin with a project cloned at a given commit', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rdev-git-'));
    try {
      const work = join(directory, 'work');
      await mkdir(work);
      await run('git', ['init', '--quiet', '-b', 'main', work]);
      for (const text of ['one', 'two']) {
        await writeFile(join(work, 'file'), text);
        await run('git', ['-C', work, 'add', '.']);
        await run('git', ['-C', work, '-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '--quiet', '-m', text]);
        if (text === 'one') await run('git', ['-C', work, 'tag', 'v1']);
      }
      const gitUrl = await serve(work);
      const projectId = await createProject(api.client, { gitUrl, gitRef: 'v1' });
      await eventually(async () => (await api.client.get(`/v1/projects/${projectId}`)).body.status === 'running');
      expect(await textOf(api.client, projectId, 'cat file')).toBe('one');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
