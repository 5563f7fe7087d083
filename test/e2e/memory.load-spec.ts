import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import {
  type ApiProcess,
  type HttpClient,
  createProject,
  ended,
  expectStatus,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';

const MEGABYTE = 1024 * 1024;
/** The memory of a small pod. */
const RESIDENT_MAX = 400 * MEGABYTE;
/** Concurrent requests per route. */
const AT_A_TIME = 16;
/** A body of 1 MiB, minus what surrounds the longest field. */
const LARGE = MEGABYTE - 2_000;

const text = (length: number): string => 'x'.repeat(length);
const names = (count: number, valueLength: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`N${i}`, text(valueLength)]));
const list = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, i) => String(i).padEnd(length, 'x'));

const LABELS = names(64, 256);
const SCRIPT = { type: 'shell', script: `: ${text(LARGE - 30_000)}`, labels: LABELS };
const ARGUMENTS = { type: 'exec', argv: ['true', ...list(4_000, 250)] };
const VARIABLES = { type: 'shell', script: 'true', env: names(1_000, 1_000) };
const HOSTILE = JSON.stringify(Object.fromEntries(Array.from({ length: 115_000 }, (_, i) => [`n${i}`, 0])));

interface Targets {
  readonly project: string;
  /** Contains large queued commands. */
  readonly paused: string;
  readonly waiting: string;
  /** Has written much output that JSON escapes. */
  readonly written: string;
  /** Reads its stdin. */
  readonly open: string;
  readonly key: string;
  /** Ends the open requests. */
  readonly signal: AbortSignal;
}

type Ask = (client: HttpClient, targets: Targets) => Promise<unknown>;

/** Reads nothing of the response. */
const unread =
  (path: (targets: Targets) => string): Ask =>
  (client, targets) =>
    client.sse(path(targets), { signal: targets.signal });

const projectBody = () => ({
  id: `big-${randomBytes(6).toString('hex')}`,
  env: names(900, 1_000),
  labels: LABELS,
});

/** The largest request that each route accepts, and its largest response. */
const ROUTES: Readonly<Record<string, readonly Ask[]>> = {
  'POST /v1/keys': [
    (client) =>
      client.post('/v1/keys', {
        name: text(100),
        scopes: ['projects:read'],
        projects: list(100, 50),
        allowedIps: list(100, 15),
      }),
    (client) =>
      client.post('/v1/keys', {
        name: text(100),
        scopes: ['projects:read'],
        projects: Array(100).fill(`${text(49)}*`),
      }),
  ],
  'GET /v1/keys': [(client) => client.get('/v1/keys?limit=200')],
  'GET /v1/keys/self': [(client) => client.get('/v1/keys/self')],
  'GET /v1/keys/{id}': [(client, { key }) => client.get(`/v1/keys/${key}`)],
  'PATCH /v1/keys/{id}': [
    (client, { key }) => client.request('PATCH', `/v1/keys/${key}`, { projects: Array(100).fill(text(50)) }),
  ],
  'DELETE /v1/keys/{id}': [(client) => client.request('DELETE', '/v1/keys/key_01jd4xk3v5q0n8m2f6h7w9y1zc')],
  'POST /v1/keys/{id}/rotate': [(client, { key }) => client.post(`/v1/keys/${key}/rotate`, { name: text(LARGE) })],
  'POST /v1/stream-tickets': [
    (client) => client.post('/v1/stream-tickets', HOSTILE),
    (client) => client.post('/v1/stream-tickets', { path: text(LARGE) }),
  ],
  'POST /v1/projects': [
    (client) => client.post('/v1/projects', projectBody()),
    (client) => client.post('/v1/projects', { id: 'x', env: JSON.parse(HOSTILE) as object }),
  ],
  'GET /v1/projects': [
    (client) => client.get('/v1/projects?limit=200'),
    (client) => client.get('/v1/projects?limit=1'),
  ],
  'GET /v1/projects/{id}': [(client, { project }) => client.get(`/v1/projects/${project}`)],
  'PATCH /v1/projects/{id}': [
    (client, { project }) => client.request('PATCH', `/v1/projects/${project}`, { env: names(900, 1_000) }),
  ],
  'DELETE /v1/projects/{id}': [(client) => client.request('DELETE', '/v1/projects/none')],
  'POST /v1/projects/{id}/start': [(client, { project }) => client.post(`/v1/projects/${project}/start`, HOSTILE)],
  'POST /v1/projects/{id}/stop': [(client) => client.post('/v1/projects/none/stop', HOSTILE)],
  'POST /v1/projects/{id}/restart': [(client) => client.post('/v1/projects/none/restart', HOSTILE)],
  'GET /v1/projects/{id}/events': [unread(({ project }) => `/v1/projects/${project}/events?lastEventId=0`)],
  'POST /v1/projects/{projectId}/commands': [SCRIPT, ARGUMENTS, VARIABLES].map(
    (body): Ask =>
      (client, { paused }) =>
        client.post(`/v1/projects/${paused}/commands`, body),
  ),
  'POST /v1/projects/{projectId}/commands/check': [SCRIPT, ARGUMENTS, VARIABLES].map(
    (body): Ask =>
      (client, { project }) =>
        client.post(`/v1/projects/${project}/commands/check`, body),
  ),
  'GET /v1/commands': [(client) => client.get('/v1/commands?limit=200')],
  'GET /v1/commands/{id}': [(client, { waiting }) => client.get(`/v1/commands/${waiting}`)],
  'PATCH /v1/commands/{id}': [
    (client, { waiting }) => client.request('PATCH', `/v1/commands/${waiting}`, { priority: 'high' }),
  ],
  'GET /v1/commands/{id}/timeline': [(client, { waiting }) => client.get(`/v1/commands/${waiting}/timeline`)],
  'POST /v1/commands/{id}/signal': [
    (client, { written }) => client.post(`/v1/commands/${written}/signal`, { signal: text(LARGE) }),
  ],
  'POST /v1/commands/{id}/cancel': [
    (client, { written }) => client.post(`/v1/commands/${written}/cancel`, { graceSeconds: 1 }),
  ],
  'GET /v1/commands/{id}/wait': [(client, { waiting }) => client.get(`/v1/commands/${waiting}/wait?timeoutSeconds=1`)],
  'GET /v1/commands/{id}/events': [unread(({ written }) => `/v1/commands/${written}/events`)],
  'GET /v1/commands/{id}/output': [
    (client, { written }) => client.get(`/v1/commands/${written}/output?limit=200`, { accept: 'application/json' }),
    (client, { written }) => client.bytes(`/v1/commands/${written}/output`),
    (client, { written }) => client.bytes(`/v1/commands/${written}/output?follow=true`),
    (client, { written }) => client.bytes(`/v1/commands/${written}/output?view=head-tail&maxBytes=1048576`),
  ],
  'POST /v1/commands/{id}/stdin': [
    (client, { open }) => client.post(`/v1/commands/${open}/stdin`, { data: text(LARGE) }),
  ],
  'POST /v1/webhooks': [
    (client) =>
      client.post('/v1/webhooks', {
        url: `https://example.com/${text(2_000)}`,
        events: Array(50).fill('command.*'),
        projects: Array(100).fill(`${text(39)}*`),
        description: text(500),
        enabled: false,
      }),
    (client) => client.post('/v1/webhooks', HOSTILE),
  ],
  'GET /v1/webhooks': [(client) => client.get('/v1/webhooks?limit=200')],
  'GET /v1/webhooks/{id}': [(client) => client.get('/v1/webhooks/none')],
  'PATCH /v1/webhooks/{id}': [(client) => client.request('PATCH', '/v1/webhooks/none', HOSTILE)],
  'DELETE /v1/webhooks/{id}': [(client) => client.request('DELETE', '/v1/webhooks/none')],
  'POST /v1/webhooks/{id}/test': [(client) => client.post('/v1/webhooks/none/test', HOSTILE)],
  'POST /v1/webhooks/{id}/rotate-secret': [(client) => client.post('/v1/webhooks/none/rotate-secret', HOSTILE)],
  'GET /v1/webhooks/{id}/deliveries': [(client) => client.get('/v1/webhooks/none/deliveries?limit=200')],
  'POST /v1/webhooks/{id}/recover': [(client) => client.post('/v1/webhooks/none/recover', HOSTILE)],
  'GET /v1/deliveries/{id}': [(client) => client.get('/v1/deliveries/none')],
  'POST /v1/deliveries/{id}/redeliver': [(client) => client.post('/v1/deliveries/none/redeliver', HOSTILE)],
  'GET /v1/audit/verify': [(client) => client.get('/v1/audit/verify')],
  'GET /v1/audit/checkpoints': [(client) => client.get('/v1/audit/checkpoints?limit=200')],
  'GET /v1/audit/checkpoints/key': [(client) => client.get('/v1/audit/checkpoints/key')],
  'GET /v1/audit': [(client) => client.get('/v1/audit?limit=200')],
  'GET /v1/audit/export': [
    (client) => client.bytes('/v1/audit/export'),
    (client) => client.bytes('/v1/audit/export?format=csv'),
  ],
  'GET /v1/queue': [(client) => client.get('/v1/queue?limit=200')],
  'POST /v1/queue/pause': [(client) => client.post('/v1/queue/pause', HOSTILE)],
  'POST /v1/queue/resume': [(client) => client.post('/v1/queue/resume', HOSTILE)],
  'POST /v1/projects/{id}/queue/pause': [(client, { paused }) => client.post(`/v1/projects/${paused}/queue/pause`)],
  'POST /v1/projects/{id}/queue/resume': [(client) => client.post('/v1/projects/none/queue/resume', HOSTILE)],
  'GET /health': [(client) => client.get('/health')],
  'GET /ready': [(client) => client.get('/ready')],
  'GET /v1/system': [(client) => client.get('/v1/system')],
};

describe(`every route, with the largest input, ${AT_A_TIME} concurrent requests`, () => {
  let api: ApiProcess;
  let targets: Targets;
  const open = new AbortController();

  beforeAll(async () => {
    api = await startApi();
    const { client } = api;
    const { id: project } = expectStatus(await client.post('/v1/projects', projectBody()), 201).body;
    const paused = await createProject(client);
    expectStatus(await client.post(`/v1/projects/${paused}/queue/pause`), 200);
    const { id: written } = await runCommand(client, project, `head -c 4000000 /dev/zero | tr '\\0' '\\1'`);
    const { id: waiting } = await startCommand(client, paused, SCRIPT);
    const { id: reader } = await startCommand(client, project, { script: 'cat >/dev/null', stdin: 'open' });
    const key = expectStatus(await client.post('/v1/keys', { name: 'large', scopes: ['projects:read'] }), 201).body.id;
    targets = { project, paused, written, waiting, open: reader, key, signal: open.signal };
  });
  afterAll(async () => {
    open.abort();
    await api.client.post(`/v1/commands/${targets.open}/cancel`, { graceSeconds: 0 });
    await ended(api.client, targets.open);
    await api.stop();
  });

  /** The peak of resident memory since the previous call. */
  async function peakBytes(): Promise<number> {
    const status = await readFile(`/proc/${api.pid}/status`, 'utf8');
    await writeFile(`/proc/${api.pid}/clear_refs`, '5');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;
  }

  it('includes every route', async () => {
    const { body } = await api.client.get('/openapi.json');
    const routes = Object.entries<object>(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(Object.keys(ROUTES).sort()).toEqual(routes.sort());
  });

  it('keeps the process below 400 MiB', async () => {
    const peaks: [string, number][] = [];
    await peakBytes();
    for (const [route, asks] of Object.entries(ROUTES)) {
      for (const ask of asks) {
        const answers = Array.from({ length: AT_A_TIME }, () => ask(api.client, targets));
        // Some are correctly refused; none may bring the server down.
        await Promise.allSettled(answers);
      }
      peaks.push([route, Math.round((await peakBytes()) / MEGABYTE)]);
    }
    expectStatus(await api.client.get('/ready'), 200);
    peaks.sort(([, a], [, b]) => b - a);
    process.stderr.write(`Peaks in MiB: ${peaks.map(([route, peak]) => `${route} ${peak}`).join(', ')}\n`);
    expect(peaks.filter(([, peak]) => peak * MEGABYTE > RESIDENT_MAX)).toEqual([]);
  }, 180_000);
});
