/**
 * Shared by the commands of package.json. Plain Node 20 without dependencies: it runs before anything is installed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that rdev runs on; another one may run this script. */
export const node = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/**
 * Node's flags for the API. A small young generation is collected faster: with the default of 16 MiB each collection
 * paused the process for 40 to 100 ms on two slow cores, with 4 MiB for about 10 and at most 36, at the same
 * throughput.
 */
export const nodeFlags = ['--enable-source-maps', '--max-semi-space-size=4'];

/**
 * Environment of the API. One glibc arena per thread would take 4 MB more without a benefit. With fixed thresholds
 * glibc returns large buffers as soon as they are free; with dynamic ones it keeps them after the first, and a
 * fragmented heap.
 */
export const nodeEnvironment = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

/** The programs that `npm run build` builds, `dist/<name>.cjs`, with their entry points. */
export const programs = {
  main: 'apps/api/src/main.ts',
  migrate: 'apps/api/src/migrate.ts',
  'verify-audit': 'apps/api/src/verify-audit.ts',
  'write-openapi': 'apps/api/src/write-openapi.ts',
  'write-configuration': 'apps/api/src/write-configuration.ts',
};

/**
 * Built code that tools load: TypeORM's command line, and Jest, which compiles neither its set-up nor other processes.
 */
export const toolEntries = {
  ormconfig: 'ormconfig.ts',
  database: 'libs/database/src/index.ts',
  'embedded-postgres': 'libs/embedded-postgres/src/index.ts',
  'server-user': 'libs/embedded-postgres/src/server-user.ts',
  moments: 'test/support/moments.ts',
};

export const dist = join(root, 'dist');

/** @param {string} name of {@link programs} or {@link toolEntries} */
export const built = (name) => join(dist, `${name}.cjs`);

export const main = built('main');

/** The arguments that make {@link node} run a program of node_modules. */
export function tool(packageName, bin = packageName) {
  const dir = join(root, 'node_modules', packageName);
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  return [join(dir, typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[bin])];
}

const running = new Set();

/** Runs a program to its end and returns the exit code; with `quiet` the output is collected instead of shown. */
export function run(command, args, { quiet = false, env = process.env, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
    const child = spawn(command, args, { cwd, env, stdio });
    running.add(child);
    const output = [];
    child.stdout?.on('data', (chunk) => output.push(chunk));
    child.stderr?.on('data', (chunk) => output.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      resolve({ code: code ?? 1, output: Buffer.concat(output).toString() });
    });
  });
}

/** Forwards a signal to the running programs. */
export function stopRuns(signal) {
  for (const child of running) child.kill(signal);
}

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Whether node_modules contains what package-lock.json requires, development tools included. */
export function isInstalled() {
  try {
    const wanted = readJson(join(root, 'package-lock.json')).packages;
    const present = readJson(join(root, 'node_modules', '.package-lock.json')).packages;
    return (
      existsSync(node) &&
      Object.entries(wanted).every(([path, entry]) => path === '' || satisfies(present[path], entry))
    );
  } catch {
    return false;
  }
}

/** Optional packages are not installed if they do not fit the platform. */
const satisfies = (present, wanted) =>
  present === undefined
    ? wanted.optional === true || wanted.devOptional === true
    : present.version === wanted.version && present.integrity === wanted.integrity;

/** Installs what is missing, exactly as package-lock.json has it. */
export async function install() {
  if (isInstalled()) return;
  const { packages } = readJson(join(root, 'package-lock.json'));
  console.error(`Installing ${Object.keys(packages).length} packages; this takes a minute the first time …`);
  const since = Date.now();
  const seconds = () => Math.round((Date.now() - since) / 1000);
  const ticks = setInterval(() => console.error(`  still installing (${seconds()} s)`), 10_000);
  try {
    const { code } = await npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
    if (code === 0 && existsSync(node)) return console.error(`Installed in ${seconds()} s.`);
  } finally {
    clearInterval(ticks);
  }
  throw new Error('Installing the packages failed: see the messages of npm above.');
}

/** Runs npm on the machine's Node: the one in node_modules is about to be replaced. */
export function npm(args, options = {}) {
  const bin = join(root, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((dir) => !dir.startsWith(bin) && !dir.endsWith(`${sep}node-gyp-bin`));
  const all = { ...options, env: { ...process.env, PATH: path.join(delimiter) } };
  const { npm_execpath: npmScript = '', npm_node_execpath: ownNode = '' } = process.env;
  if (/npm-cli\.js$/.test(npmScript) && !ownNode.startsWith(root))
    return run(ownNode || 'node', [npmScript, ...args], all);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, all);
}

const isTest = (path) => /[.-]spec\.ts$/.test(path);

/** Everything below apps/x/src and libs/x/src except tests, as sorted paths relative to the root. */
export function sources() {
  return ['apps', 'libs']
    .flatMap((top) => directories(top).map((name) => join(top, name, 'src')))
    .flatMap((dir) => files(dir))
    .filter((path) => !isTest(path))
    .sort();
}

const directories = (dir) =>
  entries(dir)
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
const files = (dir) =>
  entries(dir).flatMap((entry) => (entry.isDirectory() ? files(join(dir, entry.name)) : [join(dir, entry.name)]));

function entries(dir) {
  try {
    return readdirSync(join(root, dir), { withFileTypes: true });
  } catch {
    return [];
  }
}

const BUILD = [
  '.swcrc',
  'package.json',
  'package-lock.json',
  'scripts/build.mjs',
  'scripts/bundle.mjs',
  'scripts/licences.mjs',
];

/** Changes with any source, package or build script; computed from times and sizes, so it takes milliseconds. */
export function fingerprint() {
  const hash = createHash('sha256');
  for (const path of [...sources(), ...Object.values(toolEntries), ...BUILD].filter((path) =>
    existsSync(join(root, path)),
  )) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest('hex');
}

/** Contains the fingerprint of the sources that dist/ was built from. */
export const stamp = join(dist, '.fingerprint');

/** Builds dist/ unless it is up to date. */
export async function build() {
  if (existsSync(main) && existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()) return;
  const { code } = await run(node, [join(root, 'scripts', 'build.mjs')]);
  if (code !== 0) throw new Error('The build failed: see the messages above.');
}
