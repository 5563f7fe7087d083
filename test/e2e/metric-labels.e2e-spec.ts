import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type ApiProcess,
  type HttpClient,
  WebhookReceiver,
  createProject,
  ended,
  eventually,
  expectStatus,
  freePort,
  newKey,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';

interface Sample {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
}

/** The values that each label of rdev's own metrics may have. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'other'];
const ENDS = ['succeeded', 'failed', 'cancelled', 'timed_out', 'lost', 'expired'];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  method: METHODS,
  type: ['shell', 'exec', 'git'],
  priority: ['low', 'normal', 'high', 'urgent'],
  result: ['hit', 'miss', 'stale', 'delivered', 'refused', 'unanswered', 'stored', 'failed'],
  circuit: ['kubernetes'],
  cache: ['keys', 'pods'],
  state: ['used', 'idle'],
  stream: ['stdout', 'stderr'],
};
const ROUTE = /^(none|(\/(:[a-zA-Z]+|[a-z][a-z0-9.-]*))+)$/;
const HTTP_STATUS = /^[1-5]\d\d$/;
/** More than all routes, methods and statuses that occur; a label with an id would pass it in no time. */
const SERIES_MAX = 400;

/** What looks like an id, an address or a key, whichever label it is in. */
const IDS = [
  /[0-9a-f]{8}-[0-9a-f]{4}-/i,
  /\b(cmd|prj|key|whk|dlv|evt|req|rdev|rdevt)_[0-9a-z]{6}/i,
  /\d+\.\d+\.\d+\.\d+|::1|localhost/,
  /[0-9a-f]{12}/i,
  /[%@?=]/,
];

function samplesOf(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === '') throw new Error(`This is no sample: ${line}`);
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, value]) => [key!, value!] as const);
    return { name, labels: pairs };
  });
}

const isOwn = ({ name }: Sample): boolean => /^(rdev|http)_/.test(name);

describe('the labels of metrics', () => {
  let api: ApiProcess;
  let receiver: WebhookReceiver;
  const seen = new Set<string>();

  beforeAll(async () => {
    api = await startApi({ env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.0/8', RDEV_MAX_QUEUED: '2' } });
    receiver = await WebhookReceiver.start();
  });
  afterAll(async () => {
    await api.stop();
    receiver.stop();
  });

  const scrape = async (): Promise<Sample[]> => {
    const response = await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`);
    return samplesOf(await response.text());
  };
  const note = <T extends string>(id: T): T => {
    seen.add(id);
    return id;
  };

  async function commands(project: string, client: HttpClient): Promise<string> {
    const label = note(`build-${randomBytes(6).toString('hex')}`);
    const one = await runCommand(client, project, { script: 'echo out', labels: { label }, lock: label });
    await runCommand(client, project, 'exit 3');
    await runCommand(client, project, { script: 'sleep 60', timeoutSeconds: 1 });
    const stopped = await startCommand(client, project, 'sleep 60');
    await eventually(async () => (await client.get(`/v1/commands/${stopped.id}`)).body.status === 'running');
    await client.post(`/v1/commands/${stopped.id}/cancel`, { graceSeconds: 0 });
    await ended(client, stopped.id);
    expectStatus(await client.get(`/v1/commands/${one.id}/output?stream=stdout`), 200);
    const events: string[] = [];
    for await (const { event } of await client.sse(`/v1/commands/${one.id}/events`)) events.push(event);
    expect(events).toContain('complete');
    return note(one.id);
  }

  async function keysAndWebhooks(client: HttpClient): Promise<void> {
    const { body: key } = expectStatus(await client.post('/v1/keys', { name: randomUUID(), scopes: [] }), 201);
    note(key.id);
    expectStatus(await client.as(key.secret).get('/v1/keys'), 403);
    await client.request('DELETE', `/v1/keys/${key.id}`);
    expectStatus(await client.as(key.secret).get('/v1/keys/self'), 401);
    const path = `/${note(randomBytes(6).toString('hex'))}`;
    const request = { url: `${receiver.base}${path}`, events: ['webhook.test'] };
    const { body: webhook } = expectStatus(await client.post('/v1/webhooks', request), 201);
    expectStatus(await client.post(`/v1/webhooks/${note(webhook.id)}/test`), 202);
    await eventually(() => receiver.at(path).length === 1);
    const refusing = { url: `http://127.0.0.1:${String(await freePort())}/`, events: ['webhook.test'] };
    const { body: dead } = expectStatus(await client.post('/v1/webhooks', refusing), 201);
    expectStatus(await client.post(`/v1/webhooks/${note(dead.id)}/test`), 202);
    await eventually(async () =>
      (await scrape()).some(({ labels }) => labels.some(([, value]) => value === 'unanswered')),
    );
  }

  /** Requests that no route, method, body or key allows. */
  async function refusals(project: string, command: string, client: HttpClient): Promise<void> {
    const id = note(randomUUID());
    const random = note(randomBytes(12).toString('hex'));
    const headers = { authorization: `Bearer ${api.adminKey}` };
    for (const path of [
      `/v1/commands/${id}`,
      `/v1/commands/${command}/`,
      `/V1/Commands/${command}`,
      `/v1/commands/${command}/${random}`,
      `//v1//commands/${command}`,
      `/v1/commands/${encodeURIComponent(`../${random}`)}`,
      `/${random}?key=${id}`,
      `/docs/${random}`,
      `/openapi.json/${random}`,
      `/v1/projects/${random}/events`,
      '/%',
    ])
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'PROPFIND', 'MKCOL', 'PURGE'])
        await fetch(api.baseUrl + path, { method, headers });
    await client.request('DELETE', `/v1/projects/${project}/${random}`);
    await client.request('POST', `/v1/projects/${project}/commands`, random, { 'content-type': `text/${random}` });
    await client.post(`/v1/projects/${project}/commands`, { type: random });
    await client.post('/v1/projects', { id: project });
    await client.as(newKey()).get('/v1/keys');
    await client
      .as(undefined)
      .get(`/v1/commands/${command}`, { 'x-forwarded-for': '203.0.113.7', host: `${random}.test` });
  }

  async function round(): Promise<void> {
    const { client } = api;
    const project = note(await createProject(client));
    const command = await commands(project, client);
    await keysAndWebhooks(client);
    await client.post(`/v1/projects/${project}/queue/pause`);
    for (let i = 0; i < 3; i++) await client.post(`/v1/projects/${project}/commands`, { type: 'exec', argv: ['true'] });
    await client.post(`/v1/projects/${project}/queue/resume`);
    await refusals(project, command, client);
    await eventually(
      async () => (await client.get(`/v1/commands?projectId=${project}&status=queued`)).body.data.length === 0,
    );
    await client.request('DELETE', `/v1/projects/${project}`);
  }

  it('have a few values that are known beforehand, and no id', async () => {
    await round();
    const samples = await scrape();
    for (const { name, labels } of samples.filter(isOwn)) {
      for (const [label, value] of labels.filter(([key]) => key !== 'le')) {
        const isAllowed =
          label === 'route'
            ? ROUTE.test(value)
            : label === 'status'
              ? name.startsWith('http_')
                ? HTTP_STATUS.test(value)
                : ENDS.includes(value)
              : VALUES[label]?.includes(value) === true;
        expect([name, label, value, isAllowed]).toEqual([name, label, value, true]);
      }
    }
    expect(seen.size).toBeGreaterThan(8);
    for (const { name, labels } of samples)
      for (const [label, value] of labels)
        expect([
          name,
          label,
          value,
          IDS.some((id) => id.test(value)) || [...seen].some((id) => value.includes(id)),
        ]).toEqual([name, label, value, false]);
  });

  it('name the routes of the API', async () => {
    const { paths } = JSON.parse(await readFile('apps/api/openapi.json', 'utf8'));
    const templates = new Set(Object.keys(paths as object).map((path) => path.replace(/\{(\w+)\}/g, ':$1')));
    const routes = new Set(
      (await scrape()).flatMap(({ labels }) => labels.filter(([name]) => name === 'route')).map(([, route]) => route),
    );
    expect([...routes].filter((route) => route.startsWith('/v1/') && !templates.has(route))).toEqual([]);
    expect(routes).toContain('/v1/commands/:id');
  });

  it('make no more series when the same is done to other projects, keys and paths', async () => {
    const count = async (): Promise<Record<string, number>> => {
      const counts: Record<string, number> = {};
      for (const { name } of (await scrape()).filter(isOwn)) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    };
    await round();
    const before = await count();
    for (let i = 0; i < 2; i++) await round();
    expect(await count()).toEqual(before);
    const buckets = Object.entries(before).filter(([name]) => !name.endsWith('_bucket'));
    expect(buckets.filter(([, series]) => series > SERIES_MAX)).toEqual([]);
  });
});
