import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@app/kernel/testing';
import { Workspaces } from '@app/local';
import { ProjectNotRunning } from '@app/projects';
import { type AttachmentEnd, Standbys, type StartRequest } from '@app/supervisor';
import { aRequest } from '@app/supervisor/testing';
import { describeCommandExecutor } from '@app/execution/testing';
import { LocalCommandExecutor } from './local-command-executor.js';

describe('LocalCommandExecutor', () => {
  const signal = new AbortController().signal;
  let dir: string;
  let workspaces: Workspaces;
  let executor: LocalCommandExecutor;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'rdev-local-executor-'));
    workspaces = new Workspaces(join(dir, 'data'), { PATH: process.env.PATH ?? '' });
    await workspaces.ensure();
    executor = new LocalCommandExecutor(workspaces, new Standbys(60));
  });
  afterAll(() => rm(dir, { recursive: true }));

  const make = (project: string): Promise<unknown> => mkdir(workspaces.directory(project));
  const run = async (project: string, over: Partial<StartRequest>): Promise<{ text: string; end: AttachmentEnd }> => {
    const attachment = executor.start(await executor.locate(project), aRequest(over), { stdout: 0, stderr: 0 }, signal);
    let text = '';
    for await (const { data } of attachment.chunks) text += data.toString();
    await attachment.acknowledge();
    return { text, end: await attachment.end };
  };

  it("runs in the project's directory, and resolves others relative to it", async () => {
    await make('web');
    const directory = workspaces.directory('web');
    await mkdir(join(directory, '-'));
    const pwd = { script: 'pwd' };
    expect((await run('web', { program: pwd })).text).toBe(`${directory}\n`);
    expect((await run('web', { program: pwd, cwd: '-' })).text).toBe(`${directory}/-\n`);
    expect((await run('web', { program: pwd, cwd: '/usr' })).text).toBe('/usr\n');
  });

  it('starts nothing in a missing directory, whenever it was removed', async () => {
    await make('gone');
    const instance = await executor.locate('gone');
    await rm(workspaces.directory('gone'), { recursive: true });
    await expect(executor.locate('gone')).rejects.toThrow(ProjectNotRunning);
    const attachment = executor.start(instance, aRequest(), { stdout: 0, stderr: 0 }, signal);
    await attachment.chunks[Symbol.asyncIterator]().next();
    expect(await attachment.end).toMatchObject({
      record: { reason: 'start_failed', detail: `There is no directory ${instance.id} that can be entered.` },
    });
    attachment.close();
    expect(await executor.observe()).toEqual({ kind: 'present' });
  });

  it('ends processes left by the commands of a project, and no others', async () => {
    await make('stops');
    await make('stays');
    const script = 'setsid sleep 300 & echo $!';
    const [stops = '', stays = ''] = await Promise.all(
      ['stops', 'stays'].map(
        async (project) => (await run(project, { program: { script }, keepBackground: true })).text,
      ),
    );
    const isAlive = (pid: string): Promise<boolean> =>
      readFile(`/proc/${pid.trim()}/stat`, 'utf8').then(
        (stat) => !/\) [ZX] /.test(stat),
        () => false,
      );
    expect(await executor.reap('stops')).toBe(0);
    await until(async () => !(await isAlive(stops)));
    expect(await isAlive(stays)).toBe(true);
    expect(await executor.reap('stays')).toBe(0);
  });
});

describe('on this machine', () => {
  let dir: string;
  afterAll(() => rm(dir, { recursive: true }));

  describeCommandExecutor('local', async () => {
    dir = await mkdtemp(join(tmpdir(), 'rdev-local-executor-'));
    const workspaces = new Workspaces(join(dir, 'data'), { PATH: process.env.PATH ?? '' });
    await workspaces.ensure();
    await mkdir(workspaces.directory('web'));
    return { executor: new LocalCommandExecutor(workspaces, new Standbys(60)), project: 'web' };
  });
});
