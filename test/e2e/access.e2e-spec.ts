import { readFile } from 'node:fs/promises';
import {
  type ApiProcess,
  type TestResponse,
  createProject,
  expectProblem,
  newKey,
  runCommand,
  startApi,
} from '../support/index.js';

/** Who may call each route: everyone, any key, or keys with a scope. Every route must be listed here. */
const ACCESS: Readonly<Record<string, string>> = {
  'GET /health': 'public',
  'GET /ready': 'public',
  'GET /v1/system': 'admin',
  'POST /v1/projects': 'projects:write',
  'GET /v1/projects': 'projects:read',
  'GET /v1/projects/{id}': 'projects:read',
  'PATCH /v1/projects/{id}': 'projects:write',
  'DELETE /v1/projects/{id}': 'projects:write',
  'POST /v1/projects/{id}/start': 'projects:write',
  'POST /v1/projects/{id}/stop': 'projects:write',
  'POST /v1/projects/{id}/restart': 'projects:write',
  'GET /v1/projects/{id}/events': 'projects:read',
  'POST /v1/projects/{projectId}/commands': 'commands:execute',
  'POST /v1/projects/{projectId}/commands/check': 'commands:execute',
  'GET /v1/commands': 'commands:read',
  'GET /v1/commands/{id}': 'commands:read',
  'PATCH /v1/commands/{id}': 'commands:execute',
  'GET /v1/commands/{id}/wait': 'commands:read',
  'GET /v1/commands/{id}/events': 'commands:read',
  'GET /v1/commands/{id}/output': 'commands:read',
  'GET /v1/commands/{id}/timeline': 'commands:read',
  'POST /v1/commands/{id}/cancel': 'commands:execute',
  'POST /v1/commands/{id}/signal': 'commands:execute',
  'POST /v1/commands/{id}/stdin': 'commands:execute',
  'GET /v1/queue': 'queue:read',
  'POST /v1/queue/pause': 'queue:write',
  'POST /v1/queue/resume': 'queue:write',
  'POST /v1/projects/{id}/queue/pause': 'queue:write',
  'POST /v1/projects/{id}/queue/resume': 'queue:write',
  'POST /v1/keys': 'keys:write',
  'GET /v1/keys': 'keys:read',
  'GET /v1/keys/self': 'any-key',
  'GET /v1/keys/{id}': 'keys:read',
  'PATCH /v1/keys/{id}': 'keys:write',
  'POST /v1/keys/{id}/rotate': 'keys:write',
  'DELETE /v1/keys/{id}': 'keys:write',
  'POST /v1/stream-tickets': 'any-key',
  'GET /v1/audit/verify': 'audit:read',
  'GET /v1/audit/checkpoints': 'audit:read',
  'GET /v1/audit/checkpoints/key': 'audit:read',
  'POST /v1/webhooks': 'webhooks:write',
  'GET /v1/webhooks': 'webhooks:read',
  'GET /v1/webhooks/{id}': 'webhooks:read',
  'PATCH /v1/webhooks/{id}': 'webhooks:write',
  'DELETE /v1/webhooks/{id}': 'webhooks:write',
  'POST /v1/webhooks/{id}/test': 'webhooks:write',
  'POST /v1/webhooks/{id}/rotate-secret': 'webhooks:write',
  'GET /v1/webhooks/{id}/deliveries': 'webhooks:read',
  'POST /v1/webhooks/{id}/recover': 'webhooks:write',
  'GET /v1/deliveries/{id}': 'webhooks:read',
  'POST /v1/deliveries/{id}/redeliver': 'webhooks:write',
  'GET /v1/audit': 'audit:read',
  'GET /v1/audit/export': 'audit:read',
};

const SCOPES = [
  'projects:read',
  'projects:write',
  'commands:read',
  'commands:execute',
  'queue:read',
  'queue:write',
  'keys:read',
  'keys:write',
  'webhooks:read',
  'webhooks:write',
  'audit:read',
];

const ORIGIN = 'https://app.example';

describe('access', () => {
  let api: ApiProcess;
  let project: string;
  let command: string;
  const keys = new Map<string, string>();

  beforeAll(async () => {
    api = await startApi({ env: { CORS_ORIGINS: ORIGIN } });
    project = await createProject(api.client);
    command = (await runCommand(api.client, project, 'true')).id;
    for (const scopes of [
      [],
      ['admin'],
      ...SCOPES.map((scope) => [scope]),
      ...SCOPES.map((scope) => SCOPES.filter((other) => other !== scope)),
      SCOPES,
    ]) {
      const { body } = await api.client.post('/v1/keys', { name: 'access', scopes });
      const missing = [...SCOPES, 'admin'].find((scope) => !scopes.includes(scope));
      keys.set(scopes.length < SCOPES.length - 1 ? scopes.join() : `all but ${missing!}`, body.secret);
    }
  });
  afterAll(() => api.stop());

  /**
   * Requests something that does not exist, so that nothing changes: only authorization matters. Responses must not be
   * cacheable, since a cache could return them to a client without a key.
   */
  async function call(route: string, key: string | undefined): Promise<TestResponse> {
    const [method = '', template = ''] = route.split(' ');
    const isRead = method === 'GET' && template.startsWith('/v1/commands/');
    const path = template.replace('{projectId}', 'nothing').replace('{id}', isRead ? command : 'nothing');
    const body = method === 'POST' || method === 'PATCH' ? {} : undefined;
    const response = await api.client.as(key).request(method, path, body);
    expect(response.headers['cache-control']).toContain('no-store');
    if (path.endsWith('/events') && response.status === 200)
      expect(response.headers['cache-control']).toMatch(/(?=.*no-cache)(?=.*no-transform)/);
    return response;
  }

  const routes = Object.entries(ACCESS);
  const restricted = routes.filter(([, access]) => access !== 'public');
  const scoped = restricted.filter(([, access]) => access !== 'any-key');

  it.each(['what the API serves', 'what is committed'])(
    'lists every route of the OpenAPI document: %s',
    async (which) => {
      const served = which === 'what the API serves';
      const { paths } = served
        ? (await api.client.as(undefined).get('/openapi.json')).body
        : JSON.parse(await readFile('apps/api/openapi.json', 'utf8'));
      const described = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
      );
      expect(described.sort()).toEqual(Object.keys(ACCESS).sort());
    },
  );

  it('marks routes that need a key in the OpenAPI document', async () => {
    const { paths } = (await api.client.as(undefined).get('/openapi.json')).body;
    for (const [route, access] of routes) {
      const [method = '', path = ''] = route.split(' ');
      const { security } = paths[path][method.toLowerCase()];
      expect({ route, security }).toEqual({
        route,
        security: access === 'public' ? undefined : [{ bearer: access === 'any-key' ? [] : [access] }],
      });
    }
  });

  it.each(routes.filter(([, access]) => access === 'public'))('%s needs no key, and ignores one', async (route) => {
    for (const key of [undefined, 'nonsense']) expect((await call(route, key)).status).toBe(200);
  });

  it.each(restricted)('%s needs a key', async (route) => {
    expectProblem(await call(route, undefined), 401, 'UNAUTHENTICATED');
    expectProblem(await call(route, 'nonsense'), 401, 'UNAUTHENTICATED');
    expectProblem(await call(route, newKey()), 401, 'UNAUTHENTICATED');
    expectProblem(await call(route, `${newKey().slice(0, -1)}!`), 401, 'UNAUTHENTICATED');
  });

  it.each(scoped)('%s needs the scope %s, and accepts no other', async (route, scope) => {
    for (const grant of ['', `all but ${scope}`]) {
      expect(expectProblem(await call(route, keys.get(grant)), 403, 'INSUFFICIENT_SCOPE').requiredScope).toBe(scope);
    }
  });

  it.each(restricted)('%s accepts a key with only the scope %s, and one with admin', async (route, access) => {
    for (const grant of [access === 'any-key' ? '' : access, 'admin']) {
      const { status } = await call(route, keys.get(grant));
      expect({ grant, status: status < 500 && status !== 401 && status !== 403 }).toEqual({ grant, status: true });
    }
  });

  it('is checked first: an unknown key learns nothing of routes, ids or invalid input', async () => {
    const nobody = api.client.as(undefined);
    expectProblem(await nobody.post('/v1/projects', { nonsense: 1 }), 401, 'UNAUTHENTICATED');
    expectProblem(await nobody.post(`/v1/projects/${project}/commands`, {}), 401, 'UNAUTHENTICATED');
    const odd = { 'content-type': 'text/plain', 'content-encoding': 'gzip' };
    expectProblem(await nobody.post('/v1/projects', '{', odd), 401, 'UNAUTHENTICATED');
    expectProblem(await nobody.get('/v1/commands?limit=0'), 401, 'UNAUTHENTICATED');
    expectProblem(await nobody.get(`/v1/commands/${command}`), 401, 'UNAUTHENTICATED');
  });

  it('redirects from the root to the documentation, whatever path prefix a proxy has removed', async () => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await fetch(api.baseUrl, { method, redirect: 'manual' });
      expect([status, headers.get('location')]).toEqual([302, 'docs']);
    }
    expectProblem(await api.client.post('/', {}), 404, 'NOT_FOUND');
  });

  it.each([
    ['GET', '/'],
    ['GET', '/docs'],
    ['GET', '/docs/'],
    ['GET', '/docs/swagger-ui-init.js'],
    ['GET', '/docs/nothing.js'],
    ['GET', '/openapi.json'],
    ['HEAD', '/openapi.json'],
    ['GET', '/openapi.yaml'],
    ['HEAD', '/health'],
    ['GET', '/nothing'],
    ['GET', '/%'],
    ['PUT', '/v1/commands'],
    ['OPTIONS', '/v1/commands'],
  ])('is not cacheable: %s %s', async (method, path) => {
    const headers = { origin: ORIGIN, 'access-control-request-method': 'GET' };
    const answer = await fetch(api.baseUrl + path, { method, headers, redirect: 'manual' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    if (method === 'OPTIONS') expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
  });

  it('is not cacheable: all other responses', async () => {
    const { status, headers } = await api.client.request('DELETE', `/v1/keys/${await unused()}`);
    expect([status, headers['cache-control']]).toEqual([204, 'no-store']);
    const end = await api.client.get(`/v1/commands/${command}/events`, { 'last-event-id': '0-0-end' });
    expect([end.status, end.headers['cache-control']]).toEqual([204, 'no-store']);
    const tooLarge = await api.client.get(`/${'x'.repeat(20_000)}`);
    expect([tooLarge.status, tooLarge.headers['cache-control']]).toEqual([431, 'no-store']);
    for (const path of ['/metrics', '/nothing']) {
      const metrics = await fetch(`http://127.0.0.1:${api.metricsPort}${path}`);
      expect(metrics.headers.get('cache-control')).toBe('no-store');
    }
  });

  const unused = async (): Promise<string> =>
    (await api.client.post('/v1/keys', { name: 'unused', scopes: [] })).body.id;

  it.each(['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'favicon-32x32.png'])(
    'is the same for all clients, and so cacheable: %s',
    async (file) => {
      const { status, headers } = await api.client.as(undefined).get(`/docs/${file}`);
      expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=0']);
    },
  );

  it.each(['/docs', '/openapi.json', '/health', '/ready'])('is open for %s', async (path) => {
    expect((await api.client.as(undefined).get(path)).status).toBe(200);
  });
});
