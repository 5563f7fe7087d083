import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const GOOD = 'export const answer = 42;\n';
const UNFORMATTED = 'export const answer   =   42\n';
const UNUSED = 'const answer = 42;\n';

describe('the hook before a commit', () => {
  let root: string;
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root });
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'rdev-hook-'));
    for (const name of ['scripts', 'eslint.config.mjs', '.prettierrc.json', 'package.json'])
      cpSync(name, join(root, name), { recursive: true });
    symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
    git('init', '--quiet');
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** Runs the hook with this staged and that on the disk. */
  function check({ staged, disk }: { staged: string; disk: string }): { status: number | null; said: string } {
    const file = join(root, 'scripts', 'answer.mjs');
    writeFileSync(file, staged);
    git('add', 'scripts/answer.mjs', 'eslint.config.mjs', '.prettierrc.json', 'package.json');
    writeFileSync(file, disk);
    const { status, stderr } = spawnSync(process.execPath, ['scripts/pre-commit.mjs'], { cwd: root, encoding: 'utf8' });
    return { status, said: stderr };
  }

  it('passes what is staged, whatever is on the disk', () => {
    expect(check({ staged: GOOD, disk: UNFORMATTED })).toEqual({ status: 0, said: '' });
  });

  it.each([
    ['is not formatted', UNFORMATTED],
    ['is not linted', UNUSED],
  ])('refuses what is staged and %s, whatever is on the disk', (_case, staged) => {
    const { status, said } = check({ staged, disk: GOOD });
    expect([status, said]).toEqual([1, expect.stringContaining('scripts/answer.mjs')]);
  });
});
