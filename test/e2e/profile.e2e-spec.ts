import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from '../support/index.js';

const PROFILES = resolve('profiles');

describe('npm run profile', () => {
  let temporary: string;
  let former: readonly string[];
  let child: ChildProcess;
  let output: string;
  const profile = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number | null> => {
    const { PATH, HOME } = process.env;
    child = spawn(process.execPath, ['scripts/profile.mjs', ...args], {
      env: { PATH, HOME, TMPDIR: temporary, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    return new Promise((done) => child.once('exit', done));
  };
  const profiles = () => readdir(PROFILES).catch(() => []);

  beforeEach(async () => {
    output = '';
    temporary = await mkdtemp(join(tmpdir(), 'rdev-profiles-'));
    former = await profiles();
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    for (const name of await profiles()) if (!former.includes(name)) await rm(join(PROFILES, name));
    await rm(temporary, { recursive: true, force: true });
  });

  it('runs on a database of its own, whatever the shell has set for another API, and leaves none', async () => {
    const settings = { DATABASE_URL: 'postgres://rdev@127.0.0.1:1/other', RDEV_RUNTIME: 'kubernetes', KUBECONFIG: '/' };
    const code = await profile(['cpu', '1'], settings);
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringMatching(/ ms .+\.cpuprofile\n$/s) });
    expect(await readdir(temporary)).toEqual([]);
  });

  it('removes its database when it is interrupted', async () => {
    const ended = profile(['cpu', '600']);
    await eventually(async () => {
      const [dataDir] = await readdir(temporary);
      return dataDir !== undefined && (await readdir(join(temporary, dataDir))).includes('admin.key');
    }, 60_000);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(await readdir(temporary)).toEqual([]);
  });

  it.each([['disk'], ['cpu', '0'], ['cpu', '1.5'], ['heap', '-1']])(
    'explains its arguments: %s %s',
    async (...args) => {
      expect(await profile(args)).toBe(2);
      expect(output).toContain('Usage:');
    },
  );
});
