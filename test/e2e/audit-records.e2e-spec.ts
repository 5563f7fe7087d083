import { randomBytes } from 'node:crypto';
import {
  type ApiProcess,
  type HttpClient,
  type TestDatabase,
  type TestResponse,
  WebhookReceiver,
  createProject,
  createTestDatabase,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  factsOf,
  outputOf,
  rowsOf,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.js';

const TRACE_CONTEXT = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: '01' };
const WEBHOOK = { url: 'http://127.0.0.1:8/', events: ['webhook.test'] };
const random = (): string => randomBytes(6).toString('hex');

/** A request, and what it is about. */
interface Request {
  readonly path: string;
  readonly body?: unknown;
  /** Whether the change has happened: false before, and as long as it cannot be recorded. */
  readonly isDone?: () => Promise<boolean>;
  /** Releases what it needed. */
  readonly end?: () => Promise<unknown>;
}

interface Route {
  /** The types of its records, in their order; empty: it changes nothing. */
  readonly types: readonly string[];
  readonly prepare: (client: HttpClient) => Promise<Request>;
}

const idOf = async (response: Promise<TestResponse>): Promise<string> => (await response).body.id;
const aKey = (client: HttpClient): Promise<string> => idOf(client.post('/v1/keys', { name: 'x', scopes: [] }));
const aWebhook = (client: HttpClient): Promise<string> => idOf(client.post('/v1/webhooks', WEBHOOK));
const at = async (client: HttpClient, path: string): Promise<any> => (await client.get(path)).body;

async function aRunning(client: HttpClient, traits: object = {}): Promise<any> {
  const command = await startCommand(client, await createProject(client), {
    script: 'exec cat',
    stdin: 'open',
    ...traits,
  });
  await eventually(async () => (await at(client, `/v1/commands/${command.id}`)).status === 'running');
  return command;
}

const ending = (client: HttpClient, id: string) => () =>
  client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 0 }).then(() => ended(client, id));

function project(name: string, types: readonly string[], field: 'name' | 'status', value: string): Route {
  return {
    types,
    prepare: async (client) => {
      const id = await createProject(client);
      const isDone = async (): Promise<boolean> => (await at(client, `/v1/projects/${id}`))[field] === value;
      return { path: `/v1/projects/${id}${name}`, isDone };
    },
  };
}

/** Every route that is not a GET must be listed here; the first test below fails otherwise. */
const ROUTES: Readonly<Record<string, Route>> = {
  'POST /v1/keys': {
    types: ['key.created'],
    prepare: async (client) => {
      const name = `made-${random()}`;
      const isDone = async () => (await client.get('/v1/keys?limit=200')).text.includes(name);
      return { path: '/v1/keys', body: { name, scopes: [] }, isDone };
    },
  },
  'PATCH /v1/keys/{id}': {
    types: ['key.updated'],
    prepare: async (client) => {
      const path = `/v1/keys/${await aKey(client)}`;
      return { path, body: { name: 'renamed' }, isDone: async () => (await at(client, path)).name === 'renamed' };
    },
  },
  'DELETE /v1/keys/{id}': {
    types: ['key.revoked'],
    prepare: async (client) => {
      const path = `/v1/keys/${await aKey(client)}`;
      return { path, isDone: async () => (await at(client, path)).revokedAt !== null };
    },
  },
  'POST /v1/keys/{id}/rotate': {
    types: ['key.created', 'key.rotated'],
    prepare: async (client) => {
      const path = `/v1/keys/${await aKey(client)}`;
      return { path: `${path}/rotate`, body: {}, isDone: async () => (await at(client, path)).expiresAt !== null };
    },
  },
  'POST /v1/stream-tickets': {
    types: ['ticket.created'],
    prepare: async (client) => ({
      path: '/v1/stream-tickets',
      body: { path: `/v1/projects/${await createProject(client)}/events` },
    }),
  },
  'POST /v1/projects': {
    types: ['project.created', 'project.started'],
    prepare: async (client) => {
      const id = `p-${random()}`;
      const isDone = async () => (await client.get(`/v1/projects/${id}`)).status === 200;
      return { path: '/v1/projects', body: { id }, isDone };
    },
  },
  'PATCH /v1/projects/{id}': {
    types: ['project.updated'],
    prepare: async (client) => {
      const request = await project('', [], 'name', 'renamed').prepare(client);
      return { ...request, body: { name: 'renamed' } };
    },
  },
  'DELETE /v1/projects/{id}': {
    types: ['project.terminating'],
    prepare: async (client) => {
      const path = `/v1/projects/${await createProject(client)}`;
      return { path, isDone: async () => (await client.get(path)).status === 404 };
    },
  },
  'POST /v1/projects/{id}/start': {
    types: ['project.pending'],
    prepare: async (client) => {
      const path = `/v1/projects/${await createProject(client)}`;
      await client.post(`${path}/stop`);
      const status = async () => (await at(client, path)).status;
      await eventually(async () => (await status()) === 'stopped');
      return { path: `${path}/start`, isDone: async () => (await status()) !== 'stopped' };
    },
  },
  'POST /v1/projects/{id}/stop': project('/stop', ['project.stopping'], 'status', 'stopped'),
  'POST /v1/projects/{id}/restart': {
    types: ['project.stopping'],
    prepare: async (client) => ({ path: `/v1/projects/${await createProject(client)}/restart` }),
  },
  'POST /v1/projects/{projectId}/commands': {
    types: ['command.created', 'command.ended'],
    prepare: async (client) => {
      const id = await createProject(client);
      const path = `/v1/projects/${id}/commands`;
      const isDone = async () => (await at(client, `/v1/commands?projectId=${id}`)).data.length > 0;
      return { path, body: { type: 'shell', script: 'true' }, isDone };
    },
  },
  'POST /v1/projects/{projectId}/commands/check': {
    types: [],
    prepare: async (client) => ({
      path: `/v1/projects/${await createProject(client)}/commands/check`,
      body: { type: 'shell', script: 'true' },
    }),
  },
  'PATCH /v1/commands/{id}': {
    types: ['command.reprioritized'],
    prepare: async (client) => {
      const { id, projectId } = await aRunning(client, { lock: 'x' });
      const queued = await startCommand(client, projectId, { script: 'true', lock: 'x' });
      const path = `/v1/commands/${queued.id}`;
      const isDone = async () => (await at(client, path)).priority === 'high';
      return { path, body: { priority: 'high' }, isDone, end: ending(client, id) };
    },
  },
  'POST /v1/commands/{id}/signal': {
    types: ['command.signalled'],
    prepare: async (client) => {
      const script = `trap 'echo heard' USR1; while :; do sleep 0.05; done`;
      const { id } = await aRunning(client, { script, stdin: undefined });
      const isDone = async () => (await outputOf(client, id)).toString().includes('heard');
      return { path: `/v1/commands/${id}/signal`, body: { signal: 'USR1' }, isDone, end: ending(client, id) };
    },
  },
  'POST /v1/commands/{id}/cancel': {
    types: ['command.cancel_requested'],
    prepare: async (client) => {
      const { id } = await aRunning(client);
      const isDone = async () => (await at(client, `/v1/commands/${id}`)).status === 'cancelled';
      return { path: `/v1/commands/${id}/cancel`, body: { graceSeconds: 0 }, isDone, end: ending(client, id) };
    },
  },
  'POST /v1/commands/{id}/stdin': {
    types: ['command.stdin'],
    prepare: async (client) => {
      const { id } = await aRunning(client);
      const isDone = async () => (await outputOf(client, id)).length > 0;
      return { path: `/v1/commands/${id}/stdin`, body: { data: 'typed\n' }, isDone, end: ending(client, id) };
    },
  },
  'POST /v1/queue/pause': {
    types: ['queue.paused'],
    prepare: async (client) => {
      const end = () => client.post('/v1/queue/resume');
      await end();
      return { path: '/v1/queue/pause', isDone: async () => (await at(client, '/v1/queue')).paused, end };
    },
  },
  'POST /v1/queue/resume': {
    types: ['queue.resumed'],
    prepare: async (client) => {
      await client.post('/v1/queue/pause');
      const end = () => client.post('/v1/queue/resume');
      return { path: '/v1/queue/resume', isDone: async () => !(await at(client, '/v1/queue')).paused, end };
    },
  },
  'POST /v1/projects/{id}/queue/pause': {
    types: ['queue.paused'],
    prepare: async (client) => ({ path: `/v1/projects/${await createProject(client)}/queue/pause` }),
  },
  'POST /v1/projects/{id}/queue/resume': {
    types: ['queue.resumed'],
    prepare: async (client) => {
      const path = `/v1/projects/${await createProject(client)}/queue`;
      await client.post(`${path}/pause`);
      return { path: `${path}/resume` };
    },
  },
  'POST /v1/webhooks': {
    types: ['webhook.created'],
    prepare: async () => ({ path: '/v1/webhooks', body: WEBHOOK }),
  },
  'PATCH /v1/webhooks/{id}': {
    types: ['webhook.updated'],
    prepare: async (client) => ({ path: `/v1/webhooks/${await aWebhook(client)}`, body: { description: 'x' } }),
  },
  'DELETE /v1/webhooks/{id}': {
    types: ['webhook.deleted'],
    prepare: async (client) => ({ path: `/v1/webhooks/${await aWebhook(client)}` }),
  },
  'POST /v1/webhooks/{id}/rotate-secret': {
    types: ['webhook.secret_rotated'],
    prepare: async (client) => ({ path: `/v1/webhooks/${await aWebhook(client)}/rotate-secret`, body: {} }),
  },
  'POST /v1/webhooks/{id}/test': {
    types: ['webhook.tested'],
    prepare: async (client) => ({ path: `/v1/webhooks/${await aWebhook(client)}/test` }),
  },
  'POST /v1/webhooks/{id}/recover': {
    types: ['webhook.recovered'],
    prepare: async (client) => ({
      path: `/v1/webhooks/${await aWebhook(client)}/recover`,
      body: { since: new Date().toISOString() },
    }),
  },
  'POST /v1/deliveries/{id}/redeliver': {
    types: ['webhook.redelivered'],
    prepare: async (client) => {
      const receiver = await WebhookReceiver.start();
      const webhook = await idOf(client.post('/v1/webhooks', { ...WEBHOOK, url: receiver.base }));
      const delivery = await idOf(client.post(`/v1/webhooks/${webhook}/test`));
      await eventually(async () => (await at(client, `/v1/deliveries/${delivery}`)).status === 'delivered');
      return { path: `/v1/deliveries/${delivery}/redeliver`, end: async () => receiver.stop() };
    },
  },
};

const routes = Object.keys(ROUTES);

describe('the audit records', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let api: ApiProcess;
  let client: HttpClient;
  let keyId: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    const url = new URL(database.url);
    proxy = await tcpProxy(url.hostname, Number(url.port || 5432));
    url.host = `127.0.0.1:${proxy.port}`;
    api = await startApi({ databaseUrl: url.href, env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.1' } });
    client = api.client;
    keyId = (await client.get('/v1/keys/self')).body.id;
    await rowsOf(
      database.url,
      `CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
       CREATE TRIGGER refuse_event BEFORE INSERT ON pending_events FOR EACH ROW
         WHEN (NEW.actor->>'requestId' LIKE 'refused-%') EXECUTE FUNCTION refuse_event()`,
    );
  });
  afterAll(async () => {
    await api.stop();
    await proxy.close();
    await database.drop();
  });

  const send = (route: string, { path, body }: Request, requestId: string): Promise<TestResponse> =>
    client.request(route.slice(0, route.indexOf(' ')), path, body, {
      'x-request-id': requestId,
      'user-agent': `test ${requestId}`,
      traceparent: `00-${TRACE_CONTEXT.traceId}-${TRACE_CONTEXT.spanId}-01`,
    });

  /** The records of a request, once there are so many. */
  async function recordsOf(requestId: string, count: number): Promise<any[]> {
    const find = () =>
      rowsOf(database.url, `SELECT type, actor, details FROM events WHERE actor->>'requestId' = $1 ORDER BY seq`, [
        requestId,
      ]);
    await eventually(async () => (await find()).length >= count);
    // Without a record to wait for, or for one too many: what is committed is sealed.
    await eventually(async () => (await rowsOf(database.url, 'SELECT 1 FROM pending_events')).length === 0);
    return find();
  }

  it('have a type for every route that is not a GET', async () => {
    const { paths } = (await client.get('/openapi.json')).body;
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods as object)
        .filter((method) => !['get', 'head'].includes(method))
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    const missing = described.filter((route) => !routes.includes(route));
    if (missing.length > 0) throw new Error(`Add to ROUTES in audit-records.e2e-spec.ts: ${missing.join(', ')}`);
    expect(routes.filter((route) => !described.includes(route))).toEqual([]);
  });

  it.each(routes)('of %s are written once, with the whole actor', async (route) => {
    const { types, prepare } = ROUTES[route]!;
    const request = await prepare(client);
    const requestId = `ok-${random()}`;
    const { status, text } = await send(route, request, requestId);
    if (status >= 300) throw new Error(`${String(status)} ${text}`);
    const records = await recordsOf(requestId, types.length);
    expect(records.map(({ type }) => type)).toEqual(types);
    const actor = { keyId, ip: '127.0.0.1', userAgent: `test ${requestId}`, requestId, ...TRACE_CONTEXT };
    for (const record of records) expect(record.actor).toEqual(actor);
    await request.end?.();
  });

  it.each(routes.filter((route) => ROUTES[route]!.types.length > 0))(
    'of %s: it does nothing if they cannot be written, and the answer is 503',
    async (route) => {
      const request = await ROUTES[route]!.prepare(client);
      const requestId = `refused-${random()}`;
      const isDone = request.isDone ?? (() => Promise.resolve(false));
      expect(await isDone()).toBe(false);
      expect(expectProblem(await send(route, request, requestId), 503, 'UNAVAILABLE').retryable).toBe(true);
      expect(await isDone()).toBe(false);
      // The same is possible as soon as it can be recorded.
      expect((await send(route, request, `ok-${random()}`)).status).toBeLessThan(300);
      if (request.isDone) await eventually(request.isDone);
      await request.end?.();
    },
  );

  it('of a refused command: it is refused with 503 if they cannot be written', async () => {
    const path = `/v1/projects/${await createProject(client)}/commands`;
    const request = { path, body: { type: 'git', args: ['fetch', '--upload-pack=x', 'https://me:hunter2@host/x'] } };
    expectProblem(await send('POST x', request, `refused-${random()}`), 503, 'UNAVAILABLE');
    const requestId = `ok-${random()}`;
    expectProblem(await send('POST x', request, requestId), 403, 'COMMAND_REJECTED');
    const records = await recordsOf(requestId, 1);
    const argv = ['git', 'fetch', '--upload-pack=x', 'https://***@host/x'];
    expect(records).toMatchObject([{ type: 'command.rejected', details: { argv, env: [] } }]);
  });

  it('of a command show who created it and who cancelled it, and no secret', async () => {
    const own = client.as(
      expectStatus(await client.post('/v1/keys', { name: 'x', scopes: ['commands:execute'] }), 201).body.secret,
    );
    const [secret, requestId] = [random(), `ok-${random()}`];
    const script = `echo ${secret} token=${random()}; exec sleep 60`;
    const path = `/v1/projects/${await createProject(client)}/commands`;
    const { body } = await send('POST x', { path, body: { type: 'shell', script, env: { VALUE: secret } } }, requestId);
    await eventually(async () => (await at(client, `/v1/commands/${body.id}`)).status === 'running');
    expectStatus(await own.post(`/v1/commands/${body.id}/cancel`, { graceSeconds: 0 }), 202);
    // It changes nothing any more.
    await client.post(`/v1/commands/${body.id}/cancel`, { graceSeconds: 0 });
    await ended(client, body.id);
    const [created, over] = await recordsOf(requestId, 2);
    expect(created.details).toEqual({
      script: 'echo *** token=*** exec sleep 60',
      env: ['VALUE'],
      digest: { keyId: expect.stringMatching(/^[0-9a-f]{16}$/), value: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect([created.type, over.type, over.actor]).toEqual(['command.created', 'command.ended', created.actor]);
    const cancelled = (await factsOf(database.url, 'command.cancel_requested')).filter(
      ({ target }) => target === body.id,
    );
    expect(cancelled).toHaveLength(1);
    expect(cancelled[0].actor.keyId).not.toBe(keyId);
    const all = await rowsOf(database.url, 'SELECT data, details FROM events WHERE target = $1', [body.id]);
    expect(JSON.stringify(all)).not.toContain(secret);
  });

  it.each(['command.created', 'command.ended', 'command.cancel_requested', 'queue.paused', 'key.created'])(
    'are written once if the answer to the COMMIT of %s is lost',
    async (type) => {
      const route = routes.find((name) => ROUTES[name]!.types.includes(type))!;
      const request = await ROUTES[route]!.prepare(client);
      const requestId = `ok-${random()}`;
      const key = random();
      const lost = proxy.loseCommitOf(`"type":"${type}"`);
      const attempt = (): Promise<TestResponse> =>
        client.post(request.path, request.body, { 'x-request-id': requestId, 'idempotency-key': key });
      const first = await attempt();
      await lost;
      if (type !== 'command.ended') expect(first.status).toBe(503);
      expect((await attempt()).status).toBeLessThan(300);
      if (type.startsWith('command.')) await request.end?.();
      const count = type === 'command.ended' ? 2 : 1;
      const records = await recordsOf(requestId, count);
      expect(records.filter((record) => record.type === type)).toHaveLength(1);
      await request.end?.();
    },
  );

  it('of refusals cannot fill the log: the first, and the number of the others', async () => {
    const flooder = 'nonsense';
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 25 }, () => client.as(flooder).get('/v1/keys')));
    const denied = async () =>
      (await factsOf(database.url, 'auth.denied')).filter(({ data }) => data.path === '/v1/keys');
    await eventually(async () => (await denied()).length > 0, 3_000);
    expect((await denied())[0]).toMatchObject({ outcome: 'denied', actor: { ip: '127.0.0.1' }, data: { attempts: 1 } });
    await api.restart();
    const total = async () => (await denied()).reduce((sum: number, { data }) => sum + (data.attempts as number), 0);
    await eventually(async () => (await total()) === 500, 5_000);
    expect((await denied()).length).toBeLessThanOrEqual(4);
  });

  it('do not depend on the process that created the command', async () => {
    const requestId = `ok-${random()}`;
    const path = `/v1/projects/${await createProject(client)}/commands`;
    const { body } = await send('POST x', { path, body: { type: 'shell', script: 'sleep 3' } }, requestId);
    await api.restart('SIGKILL');
    await ended(client, body.id);
    const records = await recordsOf(requestId, 2);
    expect(records.map(({ type }) => type)).toEqual(['command.created', 'command.ended']);
    await runCommand(client, body.projectId, 'true');
  });
});

describe('reads', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi({ env: { RDEV_AUDIT_READS: 'true' } });
    await rowsOf(
      api.databaseUrl,
      `CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
       CREATE TRIGGER refuse_event BEFORE INSERT ON pending_events FOR EACH ROW
         WHEN (NEW.actor->>'requestId' LIKE 'refused-%') EXECUTE FUNCTION refuse_event()`,
    );
  });
  afterAll(() => api.stop());

  it('of output are recorded if RDEV_AUDIT_READS asks for it, once for each request or stream, and refused if they cannot be', async () => {
    const { client } = api;
    const projectId = await createProject(client);
    const { id } = await runCommand(client, projectId, 'echo hello');
    const path = `/v1/commands/${id}`;
    const ticket = (await client.post('/v1/stream-tickets', { path: `${path}/events` })).body.ticket;
    const headers = (name: string) => ({ 'x-request-id': `${name}-${random()}` });
    const refused = headers('refused');
    for (const query of ['', '?follow=true', '?view=head-tail'])
      expectProblem(await client.get(`${path}/output${query}`, refused), 503, 'UNAVAILABLE');
    await expect(client.sse(`${path}/events`, { headers: refused })).rejects.toThrow('503');
    const unauthorized = client.as(undefined);
    const { text } = await unauthorized.get(`${path}/events?ticket=${ticket}`, refused);
    expect(text).toMatch(/^retry: \d+\n\n$/);

    for (const query of ['', '?follow=true']) expect((await client.get(`${path}/output${query}`)).text).toBe('hello\n');
    for (const each of [client.sse(`${path}/events`), unauthorized.sse(`${path}/events?ticket=${ticket}`)])
      for await (const { event } of await each) if (event === 'complete') break;
    // The end of a stream that the client has is no read.
    expect((await client.get(`${path}/events`, { 'last-event-id': '6-0-end' })).status).not.toBe(503);
    const reads = async () => (await factsOf(api.databaseUrl, 'output.read')).filter(({ target }) => target === id);
    await eventually(async () => (await reads()).length >= 4);
    const found = await reads();
    expect(found.map(({ data }) => data.form)).toEqual(['raw', 'followed', 'events', 'events']);
    for (const { actor, project_id: project } of found) {
      expect(actor).toMatchObject({ keyId: expect.stringMatching(/^key_/), ip: '127.0.0.1' });
      expect(project).toBe(projectId);
    }
  });

  it('of the audit are recorded, too', async () => {
    const { client } = api;
    const refused = { 'x-request-id': `refused-${random()}` };
    for (const path of ['/v1/audit', '/v1/audit/export'])
      expectProblem(await client.get(path, refused), 503, 'UNAVAILABLE');
    expectStatus(await client.get('/v1/audit?type=key.*&limit=1'), 200);
    expectStatus(await client.get('/v1/audit/export?after=1'), 200);
    const reads = await eventually(async () => {
      const found = await factsOf(api.databaseUrl, 'audit.read');
      return found.length >= 2 && found;
    });
    expect(reads).toMatchObject([
      { target: 'search', data: { type: 'key.*', limit: 1 } },
      { target: 'export', data: { after: 1 } },
    ]);
  });
});
