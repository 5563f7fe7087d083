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

/** Who may call each route: nobody in particular, any key, or keys with a scope. A new route belongs in here. */
const ACCESS: Readonly<Record<string, string>> = {
  'GET /health': 'public',
  'GET /ready': 'public',
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

describe('access', () => {
  let api: ApiProcess;
  let project: string;
  let command: string;
  const keys = new Map<string, string>();

  beforeAll(async () => {
    api = await startApi();
    project = await createProject(api.client);
    command = (await runCommand(api.client, project, 'true')).id;
    for (const scopes of [
      [],
      ['admin'],
      ...SCOPES.map((scope) => [scope]),
      ...SCOPES.map((scope) => SCOPES.filter((other) => other !== scope)),
    ]) {
      const { body } = await api.client.post('/v1/keys', { name: 'access', scopes });
      keys.set(
        scopes.length === SCOPES.length - 1
          ? `all but ${SCOPES.find((scope) => !scopes.includes(scope))!}`
          : scopes.join(),
        body.secret,
      );
    }
  });
  afterAll(() => api.stop());

  /** Asks for what is not there, so that nothing is changed; what matters is whether one gets so far. */
  function call(route: string, key: string | undefined): Promise<TestResponse> {
    const [method = '', template = ''] = route.split(' ');
    const isRead = method === 'GET' && template.startsWith('/v1/commands/');
    const path = template.replace('{projectId}', 'nothing').replace('{id}', isRead ? command : 'nothing');
    return api.client.as(key).request(method, path, method === 'POST' || method === 'PATCH' ? {} : undefined);
  }

  const routes = Object.entries(ACCESS);
  const restricted = routes.filter(([, access]) => access !== 'public');
  const scoped = restricted.filter(([, access]) => access !== 'any-key');

  it.each(['what the API serves', 'what is committed'])('names every route of the description: %s', async (which) => {
    const served = which === 'what the API serves';
    const { paths } = served
      ? (await api.client.as(undefined).get('/openapi.json')).body
      : JSON.parse(await readFile('apps/api/openapi.json', 'utf8'));
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(Object.keys(ACCESS).sort());
  });

  it('names routes that need a key as such in the description', async () => {
    const { paths } = (await api.client.as(undefined).get('/openapi.json')).body;
    for (const [route, access] of routes) {
      const [method = '', path = ''] = route.split(' ');
      const { security } = paths[path][method.toLowerCase()];
      expect({ route, security }).toEqual({ route, security: access === 'public' ? undefined : [{ bearer: [] }] });
    }
  });

  it.each(routes.filter(([, access]) => access === 'public'))('%s needs no key, and minds none', async (route) => {
    for (const key of [undefined, 'nonsense']) expect((await call(route, key)).status).toBe(200);
  });

  it.each(restricted)('%s needs a key', async (route) => {
    expectProblem(await call(route, undefined), 401, 'UNAUTHENTICATED');
    expectProblem(await call(route, 'nonsense'), 401, 'UNAUTHENTICATED');
    expectProblem(await call(route, newKey()), 401, 'UNAUTHENTICATED');
    expectProblem(await call(route, `${newKey().slice(0, -1)}!`), 401, 'UNAUTHENTICATED');
  });

  it.each(scoped)('%s needs the scope %s, and no other will do', async (route, scope) => {
    for (const grant of ['', `all but ${scope}`]) {
      expect(expectProblem(await call(route, keys.get(grant)), 403, 'INSUFFICIENT_SCOPE').requiredScope).toBe(scope);
    }
  });

  it.each(restricted)('%s lets in who has the scope %s alone, and admin', async (route, access) => {
    for (const grant of [access === 'any-key' ? '' : access, 'admin']) {
      const { status } = await call(route, keys.get(grant));
      expect({ grant, status: status < 500 && status !== 401 && status !== 403 }).toEqual({ grant, status: true });
    }
  });

  it('comes before anything else: an unknown key learns of no route, id or mistake', async () => {
    const nobody = api.client.as(undefined);
    expectProblem(await nobody.post('/v1/projects', { nonsense: 1 }), 401, 'UNAUTHENTICATED');
    expectProblem(await nobody.post(`/v1/projects/${project}/commands`, {}), 401, 'UNAUTHENTICATED');
    expectProblem(await nobody.get('/v1/commands?limit=0'), 401, 'UNAUTHENTICATED');
    expectProblem(await nobody.get(`/v1/commands/${command}`), 401, 'UNAUTHENTICATED');
  });

  it.each(['/docs', '/openapi.json', '/health', '/ready'])('is open for %s', async (path) => {
    expect((await api.client.as(undefined).get(path)).status).toBe(200);
  });
});
