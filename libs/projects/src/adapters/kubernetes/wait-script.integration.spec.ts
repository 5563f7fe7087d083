import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@app/kernel/testing';
import { waitScript } from './wait-script.js';

describe('process 1 of a project', () => {
  let directory: string;
  let init: ChildProcess;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rdev-init-'));
    init = spawn('sh', ['-c', asInContainer(waitScript(directory))], {
      env: { ...process.env, HOME: directory },
      stdio: 'ignore',
      detached: true,
    });
    await until(async () => (await of(init.pid, 'comm')) === 'rdev-init\n' && (await child(init.pid)) !== null);
  });
  afterEach(async () => {
    // In a container its child ends with it.
    process.kill(-(init.pid ?? 0), 'SIGKILL');
    await rm(directory, { recursive: true });
  });

  it("has a distinctive name, and a command line that contains no other program's name", async () => {
    const line = await of(init.pid, 'cmdline');
    for (const name of ['sleep', 'tail', 'tini', 'cat', 'git', 'node', 'bash']) expect(line).not.toContain(name);
    expect(await of(await child(init.pid), 'comm')).toBe('rdev-init\n');
    expect((await readdir(directory)).filter((name) => name.startsWith('init'))).toEqual([]);
  });

  it('survives the end of the child that it waits for', async () => {
    const first = await child(init.pid);
    process.kill(first ?? 0, 'SIGKILL');
    await until(async () => ![null, first].includes(await child(init.pid)));
    expect(init.exitCode).toBeNull();
  });

  it('ends on SIGTERM', async () => {
    const exit = once(init, 'exit');
    init.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
  });
});

/** As Kubernetes expands a command: two dollars stand for one. */
function asInContainer(script: string): string {
  return script.replaceAll('$$', '$');
}

async function of(pid: number | null | undefined, file: string): Promise<string> {
  return readFile(`/proc/${String(pid)}/${file}`, 'utf8').catch(() => '');
}

async function child(pid: number | undefined): Promise<number | null> {
  const [first = ''] = (await of(pid, `task/${String(pid)}/children`)).split(' ');
  return first === '' ? null : Number(first);
}
