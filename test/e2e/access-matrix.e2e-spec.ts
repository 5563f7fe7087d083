import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type ApiProcess,
  type HttpClient,
  type TestResponse,
  createProject,
  eventually,
  expectProblem,
  newKey,
  runCommand,
  startApi,
} from '../support/index.js';

/**
 * What a route needs, and a request that it accepts. `{id}` and `{projectId}` stand for something each case may see.
 */
interface Route {
  readonly scope: string;
  /** What its path identifies: outside the key's projects it returns 404. */
  readonly names?: 'project' | 'command' | 'webhook' | 'delivery';
  /** Without it the response would take long. */
  readonly query?: string;
  readonly body?: (context: Context) => unknown;
  /** The response does not end by itself. */
  readonly isEndless?: boolean;
  readonly status: number;
}

interface Context {
  readonly command: string;
  readonly fresh: string;
}

const SHELL = { type: 'shell', script: 'true' };
/** Its endpoint does not respond. */
const WEBHOOK = { url: 'http://127.0.0.1:8/', events: ['webhook.test'] };

/** Every route must be listed here; the first test below fails otherwise. */
const ROUTES: Readonly<Record<string, Route>> = {
  'GET /v1/system': { scope: 'admin', status: 200 },
  'POST /v1/projects': { scope: 'projects:write', body: ({ fresh }) => ({ id: fresh }), status: 201 },
  'GET /v1/projects': { scope: 'projects:read', status: 200 },
  'GET /v1/projects/{id}': { scope: 'projects:read', names: 'project', status: 200 },
  'GET /v1/projects/{id}/events': { scope: 'projects:read', names: 'project', isEndless: true, status: 200 },
  'PATCH /v1/projects/{id}': {
    scope: 'projects:write',
    names: 'project',
    body: () => ({ name: 'renamed' }),
    status: 200,
  },
  'DELETE /v1/projects/{id}': { scope: 'projects:write', names: 'project', status: 204 },
  'POST /v1/projects/{projectId}/commands': {
    scope: 'commands:execute',
    names: 'project',
    body: () => SHELL,
    status: 202,
  },
  'POST /v1/projects/{projectId}/commands/check': {
    scope: 'commands:execute',
    names: 'project',
    body: () => SHELL,
    status: 200,
  },
  'GET /v1/commands': { scope: 'commands:read', status: 200 },
  'GET /v1/commands/{id}': { scope: 'commands:read', names: 'command', status: 200 },
  'GET /v1/commands/{id}/wait': { scope: 'commands:read', names: 'command', query: '?timeoutSeconds=0', status: 200 },
  'GET /v1/commands/{id}/events': { scope: 'commands:read', names: 'command', status: 200 },
  'GET /v1/commands/{id}/output': { scope: 'commands:read', names: 'command', status: 200 },
  'GET /v1/commands/{id}/timeline': { scope: 'commands:read', names: 'command', status: 200 },
  'PATCH /v1/commands/{id}': {
    scope: 'commands:execute',
    names: 'command',
    body: () => ({ priority: 'high' }),
    status: 409,
  },
  'POST /v1/commands/{id}/cancel': { scope: 'commands:execute', names: 'command', body: () => ({}), status: 200 },
  'POST /v1/commands/{id}/signal': {
    scope: 'commands:execute',
    names: 'command',
    body: () => ({ signal: 'TERM' }),
    status: 409,
  },
  'POST /v1/commands/{id}/stdin': {
    scope: 'commands:execute',
    names: 'command',
    body: () => ({ data: 'x' }),
    status: 409,
  },
  'POST /v1/stream-tickets': {
    scope: 'commands:read',
    body: ({ command }) => ({ path: `/v1/commands/${command}/events` }),
    status: 201,
  },
  'GET /v1/queue': { scope: 'queue:read', status: 200 },
  'POST /v1/queue/pause': { scope: 'queue:write', status: 200 },
  'POST /v1/queue/resume': { scope: 'queue:write', status: 200 },
  'POST /v1/projects/{id}/queue/pause': { scope: 'queue:write', names: 'project', status: 200 },
  'POST /v1/projects/{id}/queue/resume': { scope: 'queue:write', names: 'project', status: 200 },
  'POST /v1/projects/{id}/stop': { scope: 'projects:write', names: 'project', status: 202 },
  'POST /v1/projects/{id}/start': { scope: 'projects:write', names: 'project', status: 202 },
  'POST /v1/projects/{id}/restart': { scope: 'projects:write', names: 'project', status: 202 },
  'POST /v1/keys': { scope: 'keys:write', body: () => ({ name: 'made', scopes: [] }), status: 201 },
  'GET /v1/keys': { scope: 'keys:read', status: 200 },
  'GET /v1/keys/self': { scope: 'any-key', status: 200 },
  'GET /v1/keys/{id}': { scope: 'keys:read', status: 200 },
  'PATCH /v1/keys/{id}': { scope: 'keys:write', body: () => ({ name: 'renamed' }), status: 200 },
  'POST /v1/keys/{id}/rotate': { scope: 'keys:write', body: () => ({}), status: 201 },
  'DELETE /v1/keys/{id}': { scope: 'keys:write', status: 204 },
  'POST /v1/webhooks': { scope: 'webhooks:write', body: () => WEBHOOK, status: 201 },
  'GET /v1/webhooks': { scope: 'webhooks:read', status: 200 },
  'GET /v1/webhooks/{id}': { scope: 'webhooks:read', names: 'webhook', status: 200 },
  'PATCH /v1/webhooks/{id}': {
    scope: 'webhooks:write',
    names: 'webhook',
    body: () => ({ description: 'changed', events: ['webhook.test'] }),
    status: 200,
  },
  'POST /v1/webhooks/{id}/test': { scope: 'webhooks:write', names: 'webhook', status: 202 },
  'POST /v1/webhooks/{id}/rotate-secret': {
    scope: 'webhooks:write',
    names: 'webhook',
    body: () => ({}),
    status: 200,
  },
  'GET /v1/webhooks/{id}/deliveries': { scope: 'webhooks:read', names: 'webhook', status: 200 },
  'POST /v1/webhooks/{id}/recover': {
    scope: 'webhooks:write',
    names: 'webhook',
    body: () => ({ since: new Date().toISOString() }),
    status: 202,
  },
  'GET /v1/deliveries/{id}': { scope: 'webhooks:read', names: 'delivery', status: 200 },
  'POST /v1/deliveries/{id}/redeliver': { scope: 'webhooks:write', names: 'delivery', status: 202 },
  'GET /v1/audit/verify': { scope: 'audit:read', status: 200 },
  'GET /v1/audit/checkpoints': { scope: 'audit:read', status: 200 },
  'GET /v1/audit/checkpoints/key': { scope: 'audit:read', status: 200 },
  'DELETE /v1/webhooks/{id}': { scope: 'webhooks:write', names: 'webhook', status: 204 },
  'GET /v1/audit': { scope: 'audit:read', status: 200 },
  'GET /v1/audit/export': { scope: 'audit:read', status: 200 },
};

const PUBLIC = ['GET /health', 'GET /ready'];

describe('every route', () => {
  let api: ApiProcess;
  let admin: HttpClient;
  let described: string[];
  let project: string;
  let command: string;
  let victim: string;
  let webhook: string;
  let delivery: string;
  const keys = new Map<string, string>();

  const make = async (name: string, traits: object): Promise<string> => {
    const { status, body, text } = await admin.post('/v1/keys', { name, ...traits });
    if (status !== 201) throw new Error(text);
    keys.set(name, body.secret);
    return body.id;
  };

  beforeAll(async () => {
    api = await startApi({ env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.1' } });
    admin = api.client;
    project = await createProject(admin);
    command = (await runCommand(admin, project, 'true')).id;
    webhook = (await admin.post('/v1/webhooks', WEBHOOK)).body.id;
    delivery = await endedDelivery();
    const { paths } = (await admin.get('/openapi.json')).body;
    described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    for (const scope of new Set(Object.values(ROUTES).map((route) => route.scope)))
      await make(scope, { scopes: scope === 'any-key' ? [] : [scope] });
    const expiresAt = new Date(Date.now() + 3_000).toISOString();
    await make('expired', { scopes: ['admin'], expiresAt });
    await admin.request('DELETE', `/v1/keys/${await make('revoked', { scopes: ['admin'] })}`);
    await make('wrong address', { scopes: ['admin'], allowedIps: ['192.0.2.1'] });
    await make('wrong project', { scopes: ['admin'], projects: ['other-*'] });
    victim = await make('victim', { scopes: [] });
    for (const [name, code] of [
      ['expired', 'KEY_EXPIRED'],
      ['revoked', 'KEY_REVOKED'],
    ] as const)
      await eventually(async () => (await admin.as(keys.get(name)).get('/v1/keys/self')).body.code === code);
  });
  afterAll(() => api.stop());

  /** One whose endpoint has said that it is gone; its webhook is enabled again. */
  async function endedDelivery(): Promise<string> {
    const server = createServer((_request, response) => response.writeHead(410).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const path = `/v1/webhooks/${webhook}`;
    const { port } = server.address() as AddressInfo;
    await admin.request('PATCH', path, { url: `http://127.0.0.1:${port}/` });
    const { id } = (await admin.post(`${path}/test`)).body;
    await eventually(async () => (await admin.get(`/v1/deliveries/${id}`)).body.status === 'failed');
    server.close();
    await eventually(async () => !(await admin.get(path)).body.enabled);
    await admin.request('PATCH', path, { ...WEBHOOK, enabled: true });
    return id;
  }

  /** Scopes that the key has but the route does not accept. */
  const wrongScope = (scope: string): string =>
    keys.get(scope === 'commands:read' ? 'projects:read' : 'commands:read') ?? '';

  function pathOf(route: string, target?: string): string {
    const { query = '', names } = ROUTES[route]!;
    const id = target ?? (names === undefined ? victim : { project, command, webhook, delivery }[names]);
    return route.slice(route.indexOf('/')).replace(/\{(id|projectId)\}/, id) + query;
  }

  async function call(route: string, key: string | undefined, target?: string): Promise<TestResponse> {
    const [method = ''] = route.split(' ');
    const path = pathOf(route, target);
    const { body } = ROUTES[route]!;
    const content = body?.({ command, fresh: `made-${Math.random().toString(36).slice(2, 10)}` });
    return admin.as(key).request(method, path, content);
  }

  /** Everything that a refused request could have changed. */
  async function state(): Promise<unknown> {
    const lists = await Promise.all(
      ['/v1/projects', '/v1/commands', '/v1/keys', '/v1/webhooks'].map((path) => admin.get(path)),
    );
    return lists.map(({ text }) => text.replaceAll(/"(lastUsedAt|lastCommandAt)":("[^"]*"|null)/g, ''));
  }

  const routes = Object.keys(ROUTES);

  it('is in the table', () => {
    const missing = described.filter((route) => !routes.includes(route) && !PUBLIC.includes(route));
    if (missing.length > 0) throw new Error(`Add to ROUTES in access-matrix.e2e-spec.ts: ${missing.join(', ')}`);
    expect(routes.filter((route) => !described.includes(route))).toEqual([]);
  });

  describe('changes and reveals nothing', () => {
    let before: unknown;
    beforeAll(async () => {
      before = await state();
    });
    afterAll(async () => {
      expect(await state()).toEqual(before);
    });

    it.each(routes)('%s: without a key, and with an unknown one', async (route) => {
      expectProblem(await call(route, undefined), 401, 'UNAUTHENTICATED');
      expectProblem(await call(route, newKey()), 401, 'UNAUTHENTICATED');
    });

    it.each(routes)('%s: with a key that is expired, revoked, or used from a wrong address', async (route) => {
      expectProblem(await call(route, keys.get('expired')), 401, 'KEY_EXPIRED');
      expectProblem(await call(route, keys.get('revoked')), 401, 'KEY_REVOKED');
      expectProblem(await call(route, keys.get('wrong address')), 403, 'IP_NOT_ALLOWED');
    });

    it.each(routes.filter((route) => ROUTES[route]!.scope !== 'any-key'))('%s: with a wrong scope', async (route) => {
      const { scope } = ROUTES[route]!;
      const problem = expectProblem(await call(route, wrongScope(scope)), 403, 'INSUFFICIENT_SCOPE');
      expect(problem.requiredScope).toBe(scope);
    });

    it.each(routes.filter((route) => ROUTES[route]!.names !== undefined))(
      '%s: for a project that the key may not see, as if it did not exist',
      async (route) => {
        const hidden = expectProblem(await call(route, keys.get('wrong project')), 404, 'NOT_FOUND');
        const absent = expectProblem(await call(route, keys.get('wrong project'), 'nothing'), 404, 'NOT_FOUND');
        const shape = ({ detail }: { detail: string }) => detail.replace(/"[^"]*"/, '"…"');
        expect(shape(hidden)).toBe(shape(absent));
      },
    );

    it('GET lists: for projects that the key may not see', async () => {
      for (const path of ['/v1/projects', '/v1/commands', '/v1/webhooks', '/v1/audit'])
        expect((await admin.as(keys.get('wrong project')).get(path)).body.data).toEqual([]);
    });
  });

  // From here on requests change state, deletions last.
  const inOrder = [...routes].sort((a, b) => Number(a.startsWith('DELETE')) - Number(b.startsWith('DELETE')));
  it.each(inOrder)('%s: accepts the right key', async (route) => {
    const { scope, status, isEndless = false } = ROUTES[route]!;
    if (isEndless) {
      (await admin.as(keys.get(scope)).sse(pathOf(route))).drop();
      return;
    }
    const response = await call(route, keys.get(scope));
    expect({ route, status: response.status }).toEqual({ route, status });
  });
});
