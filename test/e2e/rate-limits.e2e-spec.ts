import {
  type ApiProcess,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  newKey,
  startApi,
  startCommand,
} from '../support/index.js';
import { leaksIn } from '../support/known-secrets.js';

const RATE_LIMIT = '"default";q=10;w=10';

describe('rate limits', () => {
  let api: ApiProcess;
  let admin: ApiProcess['client'];

  beforeAll(async () => {
    api = await startApi({
      env: { RATE_LIMIT_RPS: '1', TRUST_PROXY: '1', CORS_ORIGINS: 'https://app.example', CONCURRENT_COMMANDS: '20' },
    });
    // The admin key has the server's limit; a key without a limit prepares the tests.
    const { body } = await api.client.post('/v1/keys', { name: 'free', scopes: ['admin'] });
    await unlimited(body.id);
    admin = api.client.as(body.secret);
  });
  afterAll(() => api.stop());

  async function unlimited(keyId: string): Promise<void> {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: api.databaseUrl });
    await client.connect();
    await client.query('UPDATE api_keys SET rate_limit_rps = 0 WHERE id = $1', [keyId]);
    await client.end();
  }

  const issue = async (scopes: readonly string[]) => {
    const { body } = expectStatus(await admin.post('/v1/keys', { name: 'limited', scopes }), 201);
    return api.client.as(body.secret);
  };
  const from = (address: string) => ({ 'x-forwarded-for': address });

  it('are reported in every response to a key, also in refusals, and refuse excess requests until there is room', async () => {
    const key = await issue(['commands:read']);
    const requests: readonly [path: string, status: number][] = [
      ['/v1/commands', 200],
      ['/v1/commands?limit=0', 400],
      ['/v1/keys', 403],
      ['/v1/commands/cmd_none', 404],
      ...Array.from({ length: 6 }, () => ['/v1/keys/self', 200] as [string, number]),
    ];
    for (const [i, [path, status]] of requests.entries()) {
      const { headers, status: got } = await key.get(path);
      expect([path, got, headers['ratelimit-policy']]).toEqual([path, status, RATE_LIMIT]);
      expect(headers.ratelimit).toMatch(new RegExp(`^"default";r=${9 - i};t=([1-9]|10)$`));
      expect(headers['x-ratelimit-limit']).toBeUndefined();
    }
    const refused = await key.get('/v1/keys/self');
    expect(expectProblem(refused, 429, 'RATE_LIMITED').retryable).toBe(true);
    expect(refused.headers['ratelimit-policy']).toBe(RATE_LIMIT);
    const wait = Number(refused.headers['retry-after']);
    expect(refused.headers.ratelimit).toBe(`"default";r=0;t=${wait}`);
    // Other keys are not affected, and a key with its own limit gets that.
    expect((await (await issue([])).get('/v1/keys/self')).status).toBe(200);
    const free = await admin.get('/v1/keys/self');
    expect([free.status, free.headers.ratelimit]).toEqual([200, undefined]);

    const since = performance.now();
    await eventually(async () => performance.now() - since >= wait * 1_000, 12_000);
    expect((await key.get('/v1/keys/self')).status).toBe(200);
  });

  it('count a stream and a long poll once, however long they are open', async () => {
    const project = await createProject(admin);
    const { id } = await startCommand(admin, project, 'until [ -e go ]; do echo tick; sleep 0.05; done');
    const key = await issue(['commands:read']);
    const stream = await key.sse(`/v1/commands/${id}/events`);
    const poll = key.get(`/v1/commands/${id}/wait?timeoutSeconds=20`);
    let events = 0;
    for await (const { event } of stream) {
      if (event === 'output' && ++events === 20) await startCommand(admin, project, 'touch go');
    }
    expect(events).toBeGreaterThanOrEqual(20);
    expect((await poll).headers.ratelimit).toMatch(/^"default";r=8;/);
    expect((await key.get('/v1/keys/self')).headers.ratelimit).toMatch(/^"default";r=7;/);
    await ended(admin, id);
  });

  it('throttle failed authentication by address, but never a valid key', async () => {
    const key = await issue([]);
    const forged = () => api.client.as(newKey()).get('/v1/keys/self', from('198.51.100.1, 203.0.113.7'));
    for (let i = 0; i < 10; i++) expectProblem(await forged(), 401, 'UNAUTHENTICATED');
    expectProblem(await forged(), 429, 'RATE_LIMITED');
    expectProblem(await api.client.as(undefined).get('/v1/keys/self', from('203.0.113.7')), 429, 'RATE_LIMITED');
    expectStatus(await key.get('/v1/keys/self', from('203.0.113.7')), 200);
    // Values that the client puts before the address appended by the proxy have no effect.
    for (const header of ['forwarded', 'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip']) {
      const headers = { ...from('192.0.2.99, 203.0.113.7'), [header]: 'for=192.0.2.99' };
      expectProblem(await api.client.as(newKey()).get('/v1/keys/self', headers), 429, 'RATE_LIMITED');
    }
    expectProblem(await api.client.as(newKey()).get('/v1/keys/self', from('203.0.113.8')), 401, 'UNAUTHENTICATED');
  });

  it('do not get in the way of an allow-list, which no forged header passes', async () => {
    const { body } = await admin.post('/v1/keys', {
      name: 'inside',
      scopes: [],
      allowedIps: ['10.0.0.0/8', '2001:db8::/32'],
    });
    const key = api.client.as(body.secret);
    for (const address of [
      '10.1.2.3',
      '::ffff:10.1.2.3',
      '::ffff:a01:203',
      '192.0.2.1, 10.1.2.3:443',
      '[2001:db8::1]:80',
    ])
      expect([address, (await key.get('/v1/keys/self', from(address))).status]).toEqual([address, 200]);
    const forged = [
      { 'x-forwarded-for': '10.1.2.3, 192.0.2.1' },
      { 'x-forwarded-for': '10.1.2.3,' },
      { 'x-forwarded-for': '10.1.2.3, unknown' },
      { 'x-forwarded-for': '' },
      { forwarded: 'for=10.1.2.3' },
      { 'x-real-ip': '10.1.2.3' },
      { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=10.1.2.3', 'x-real-ip': '10.1.2.3' },
    ];
    for (const headers of forged) expectProblem(await key.get('/v1/keys/self', headers), 403, 'IP_NOT_ALLOWED');
    const other = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/evil' };
    const made = await admin.post('/v1/projects', { id: 'forwarded' }, other);
    expect(JSON.stringify([made.headers, made.body])).not.toContain('evil');
  });

  it('allow the origins of CORS_ORIGINS, without a key for the preflight, and no others', async () => {
    const nobody = api.client.as(undefined);
    const preflight = (origin: string) =>
      nobody.request('OPTIONS', '/v1/commands', undefined, {
        origin,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,idempotency-key',
      });
    const { status, headers } = await preflight('https://app.example');
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': expect.stringContaining('PATCH'),
      'access-control-allow-headers': expect.stringMatching(/Authorization.*Idempotency-Key/),
      vary: expect.stringContaining('Origin'),
    });
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    const answer = await admin.get('/v1/keys/self', { origin: 'https://app.example' });
    expect(answer.headers['access-control-allow-origin']).toBe('https://app.example');
    expect(answer.headers['access-control-expose-headers']).toMatch(/Retry-After.*RateLimit.*Last-Event-ID/);
    for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'null']) {
      expect((await preflight(origin)).headers['access-control-allow-origin']).toBeUndefined();
      expect((await admin.get('/v1/keys/self', { origin })).headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('reveal nothing: no banner, and no secret in the logs, where the search for them does find a known one', async () => {
    const { headers } = await admin.get('/v1/keys/self');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': expect.any(String) });
    expect(headers['x-powered-by'] ?? headers.server).toBeUndefined();
    await admin.get(`/v1/commands?key=${api.adminKey}`);
    expect(api.leaks).toEqual([]);
    expect(leaksIn(api.logs, ['request completed', 'never logged'])).toEqual(['request completed']);
  });
});
