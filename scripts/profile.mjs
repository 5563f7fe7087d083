/**
 * `npm run profile -- cpu|heap [SECONDS]`: runs the built API with an embedded database and the local runtime under a
 * mixed load, and shows where it spent its processor time or allocated its memory. The file in profiles/ opens in Chrome's
 * developer tools and in VS Code.
 */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { onSignals, spawnApi } from './api.mjs';
import { build, install, main, root } from './project.mjs';

const [kind = 'cpu', seconds = '15'] = process.argv.slice(2);
const READY_MS = 60_000;
const CONNECTIONS = 8;
const SHOWN = 25;
/** Nothing else of the shell: it may have the settings of another API, such as its database or its cluster. */
const KEPT = new Set(['HOME', 'LANG', 'PATH', 'SystemRoot', 'TEMP', 'TMPDIR', 'USERPROFILE', 'npm_lifecycle_event']);

if (!['cpu', 'heap'].includes(kind) || !/^[1-9]\d{0,3}$/.test(seconds)) {
  console.error('Usage: npm run profile -- cpu|heap [SECONDS]');
  process.exit(2);
}

await install();
await build();
const { default: autocannon } = await import('autocannon');
const directory = join(root, 'profiles');
const dataDir = await mkdtemp(join(tmpdir(), 'rdev-profile-'));
await mkdir(directory, { recursive: true });
const before = new Set(await readdir(directory));
const port = await freePort();
for (const variable of Object.keys(process.env)) if (!KEPT.has(variable)) delete process.env[variable];
Object.assign(process.env, {
  HOST: '127.0.0.1',
  PORT: String(port),
  METRICS_PORT: '0',
  RDEV_DATA_DIR: dataDir,
  RDEV_RUNTIME: 'local',
  RATE_LIMIT_RPS: '0',
  RDEV_MAX_QUEUED: '1000000',
  LOG_LEVEL: 'warn',
});
const api = spawnApi(main, { flags: [`--${kind}-prof`, `--${kind}-prof-dir=${directory}`] });
const ended = once(api, 'exit');
onSignals((signal) => stop().then(() => process.exit(128 + constants.signals[signal])));
try {
  await load(`http://127.0.0.1:${port}`);
} finally {
  await stop();
}
const [name] = (await readdir(directory)).filter((file) => !before.has(file));
const file = join(directory, name);
print(kind === 'cpu' ? selfTimes(await read(file)) : selfSizes(await read(file)), kind === 'cpu' ? 'ms' : 'KiB');
console.log(`\n${relative(process.cwd(), file)}`);

async function stop() {
  api.kill('SIGTERM');
  await ended;
  await rm(dataDir, { recursive: true, force: true });
}

async function load(url) {
  await isReady(url);
  const key = (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim();
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const post = (path, body) => fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  await post('/v1/projects', { id: 'web' });
  const { id } = await (await post('/v1/projects/web/commands', { type: 'shell', script: 'seq 1000' })).json();
  const command = JSON.stringify({ type: 'exec', argv: ['true'] });
  const { requests, non2xx } = await autocannon({
    url,
    headers,
    connections: CONNECTIONS,
    duration: Number(seconds),
    requests: [
      { method: 'GET', path: `/v1/commands/${id}` },
      { method: 'GET', path: `/v1/commands/${id}/output` },
      { method: 'GET', path: '/v1/commands?limit=20' },
      { method: 'POST', path: '/v1/projects/web/commands', body: command },
    ],
  });
  console.log(`${requests.average.toFixed(0)} requests per second, ${non2xx} refused\n`);
}

async function isReady(url) {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const response = await fetch(`${url}/ready`).catch(() => null);
    if (response?.ok) return;
    if (Date.now() > deadline || api.exitCode !== null) throw new Error('The API did not become ready.');
    await delay(100);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address();
  server.close();
  return free;
}

async function read(path) {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** Of the `.cpuprofile` format: a sample per interval, each of the function on top of the stack. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map();
  samples.forEach((id, i) => add(times, byId.get(id).callFrame, timeDeltas[i] / 1_000));
  return times;
}

/** Of the `.heapprofile` format: a tree of functions with what each has allocated and is still alive. */
function selfSizes({ head }) {
  const sizes = new Map();
  const visit = ({ callFrame, selfSize, children }) => {
    add(sizes, callFrame, selfSize / 1_024);
    children.forEach(visit);
  };
  visit(head);
  return sizes;
}

function add(totals, { functionName, url, lineNumber }, amount) {
  const path = url.startsWith('file:')
    ? relative(root, fileURLToPath(url))
    : url.startsWith(root)
      ? relative(root, url)
      : url;
  const name = `${functionName || '(anonymous)'} ${path === '' ? '' : `${path}:${lineNumber + 1}`}`;
  totals.set(name, (totals.get(name) ?? 0) + amount);
}

function print(totals, unit) {
  const all = [...totals.values()].reduce((sum, amount) => sum + amount, 0);
  const largest = [...totals].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  for (const [name, amount] of largest)
    console.log(`${amount.toFixed(0).padStart(8)} ${unit} ${((amount / all) * 100).toFixed(1).padStart(5)} %  ${name}`);
}
