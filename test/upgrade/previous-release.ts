import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const { commit } = JSON.parse(readFileSync('test/upgrade/previous-release.json', 'utf8')) as { commit: string };

/** False in a shallow clone, and where there is no git. */
export const isThere = spawnSync('git', ['cat-file', '-e', `${commit}^{commit}`]).status === 0;

export interface PreviousRelease {
  readonly tree: string;
  remove(): Promise<void>;
}

/** Its sources, built by its own script with the packages of this one. */
export async function buildPreviousRelease(): Promise<PreviousRelease> {
  const directory = await mkdtemp(join(tmpdir(), 'rdev-previous-'));
  const tree = join(directory, 'tree');
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    await mkdir(tree);
    await run('git', ['archive', '--output', join(directory, 'tree.tar'), commit]);
    await run('tar', ['-xf', join(directory, 'tree.tar'), '-C', tree]);
    await symlink(join(process.cwd(), 'node_modules'), join(tree, 'node_modules'));
    await run(process.execPath, ['scripts/build.mjs'], { cwd: tree });
    return { tree, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
