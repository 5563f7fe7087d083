/**
 * `npm run build`: bundles the programs into dist/ (see bundle.mjs). It does not check types: `npm run types` does.
 * `--release` leaves out what only tools load. The new directory is created next to the old one and replaces it at the
 * end, so no stale output survives.
 */
import { chmod, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { input, output } from './bundle.mjs';
import { dist, fingerprint, node, nodeFlags, programs, run, toolEntries } from './project.mjs';

const since = Date.now();
const next = `${dist}.${process.pid}`;
const last = `${next}.last`;
const isRelease = process.argv.includes('--release');
const entries = isRelease ? programs : { ...programs, ...toolEntries };

/**
 * Makes V8 cache the code compiled in most of a start. The cache depends on the flags, so these are those of a start.
 */
async function compile() {
  await run(node, [...nodeFlags, join(next, 'write-openapi.cjs'), '--check'], { quiet: true });
  const compiled = join(next, '.compiled');
  const files = await readdir(compiled, { recursive: true, withFileTypes: true });
  // In an image another user reads them.
  for (const file of files.filter((each) => each.isFile())) await chmod(join(file.parentPath, file.name), 0o644);
}

try {
  const built = fingerprint(); // taken first: changes during the build make it stale
  const bundle = await rolldown(input(entries));
  await bundle.write(output(next));
  await bundle.close();
  await compile();
  if (!isRelease) await writeFile(join(next, '.fingerprint'), built);
  await rename(dist, last).catch(() => undefined); // does not exist the first time
  await rename(next, dist);
  await rm(last, { recursive: true, force: true });
  console.error(`Built in ${Date.now() - since} ms.`);
} catch (error) {
  await rm(next, { recursive: true, force: true });
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
