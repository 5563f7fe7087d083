import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Block, blocksOf } from '../support/markdown-blocks.js';
import { typePage } from '../support/typed-page.js';

/** Another program than Docker's, which takes the same arguments. */
const [program = '', ...words] = (process.env.COMPOSE ?? 'docker compose').split(' ');
const compose = async (...args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(program, [...words, ...args])).stdout;

describe('docker-compose.yml, as the README has it', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'rdev-compose-'));
    await compose('up', '--wait');
    await mkdir(join(home, '.rdev'));
    await writeFile(
      join(home, '.rdev/admin.key'),
      await compose('exec', '-T', 'api', 'cat', '/var/lib/rdev/admin.key'),
    );
  });
  afterAll(async () => {
    await compose('down', '--volumes');
    await rm(home, { recursive: true, force: true });
  });

  it('runs a first command, and prints what the README shows', async () => {
    await typePage('README.md', await firstCommand(), home);
  });

  it('leaves the API and its projects to an unprivileged user', async () => {
    expect(await compose('exec', '-T', 'api', 'id', '-u')).toBe('10001\n');
    expect(await compose('exec', '-T', 'api', 'git', '--version')).toMatch(/^git version /);
  });
});

async function firstCommand(): Promise<Block[]> {
  const page = await readFile('README.md', 'utf8');
  const [, section = ''] = /^## A first command\n(.*?)^## /ms.exec(page) ?? [];
  return blocksOf(section).filter(({ notRun }) => notRun === null);
}
