/**
 * Compiles apps/ and libs/ into dist/ with swc, which checks no types: `npm run types` does. What is not TypeScript is
 * copied. The new tree is made beside the old one and takes its place at the end, so no stale output survives.
 */
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { transformFile } from '@swc/core';
import { fingerprint, root, sources, stamp } from './project.mjs';

const since = Date.now();
const dist = dirname(stamp);
const next = `${dist}.${process.pid}`;

async function compile(path) {
  const target = join(next, path.replace(/\.ts$/, '.js'));
  const sourceFileName = relative(dirname(join(dist, path)), join(root, path));
  const { code, map } = await transformFile(join(root, path), { cwd: root, root, sourceMaps: true, sourceFileName });
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, `${code}\n//# sourceMappingURL=${target.split(/[\\/]/).at(-1)}.map\n`);
  await writeFile(`${target}.map`, map);
}

async function copy(path) {
  await mkdir(dirname(join(next, path)), { recursive: true });
  await cp(join(root, path), join(next, path));
}

try {
  const built = fingerprint(); // taken first: what changes while we build makes the build stale
  const paths = sources();
  const results = await Promise.allSettled(paths.map((path) => (path.endsWith('.ts') ? compile(path) : copy(path))));
  const failures = results.filter((result) => result.status === 'rejected').map((result) => String(result.reason));
  if (failures.length > 0) throw new Error(failures.join('\n'));
  await writeFile(join(next, '.fingerprint'), built);
  await rm(dist, { recursive: true, force: true });
  await rename(next, dist);
  console.error(`Built ${paths.length} files in ${Date.now() - since} ms.`);
} catch (error) {
  await rm(next, { recursive: true, force: true });
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
