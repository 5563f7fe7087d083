import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ApiProcess,
  type HttpClient,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  factsOf,
  newKey,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';

describe('keys', () => {
  let api: ApiProcess;
  let client: HttpClient;

  beforeAll(async () => {
    api = await startApi({ env: { TRUST_PROXY: undefined, RATE_LIMIT_RPS: '1000' } });
    client = api.client;
  });
  afterAll(() => api.stop());

  const create = async (grant: Record<string, unknown>, by = client) =>
    expectStatus(await by.post('/v1/keys', { name: 'test', ...grant }), 201).body;
  const withKey = async (grant: Record<string, unknown>) => client.as((await create(grant)).secret);

  it('show their secret once', async () => {
    const { secret, ...key } = await create({ name: 'ci', scopes: ['commands:read', 'keys:read'] });
    expect(secret).toMatch(/^rdev_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/);
    expect(key).toEqual({
      id: expect.stringMatching(/^key_/),
      name: 'ci',
      prefix: secret.slice(5, 13),
      scopes: ['commands:read', 'keys:read'],
      projects: null,
      allowedIps: null,
      rateLimitRps: null,
      maxConcurrentCommands: null,
      createdBy: (await client.get('/v1/keys/self')).body.id,
      rotatedFrom: null,
      createdAt: expect.stringMatching(/Z$/),
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
    });
    expect((await client.get(`/v1/keys/${key.id}`)).body).toEqual(key);
    const listed = await client.get('/v1/keys?limit=200');
    expect(listed.body.data).toContainEqual(key);
    expect(listed.text).not.toContain(secret);
    expect(listed.text).not.toContain('secret');
    expect(api.logs).not.toContain(secret);
  });

  it('are accepted in either of two headers', async () => {
    const { secret, id } = await create({ scopes: [] });
    for (const headers of [
      { authorization: `Bearer ${secret}` },
      { authorization: `bearer  ${secret}` },
      { 'x-api-key': secret },
    ]) {
      expect((await client.as(undefined).get('/v1/keys/self', headers)).body.id).toBe(id);
    }
  });

  it('are not accepted in other ways', async () => {
    const { secret } = await create({ scopes: ['admin'] });
    const nobody = client.as(undefined);
    expectProblem(await nobody.get(`/v1/keys/self?key=${secret}`), 401, 'UNAUTHENTICATED');
    for (const authorization of [
      secret,
      `Basic ${Buffer.from(`${secret}:`).toString('base64')}`,
      `Bearer ${secret} x`,
      'Bearer',
    ]) {
      expectProblem(await nobody.get('/v1/keys/self', { authorization }), 401, 'UNAUTHENTICATED');
    }
  });

  it.each([
    ['a typo', (key: string) => key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a')],
    ['another case', (key: string) => key.toUpperCase()],
    ['extra characters at the end', (key: string) => `${key}0`],
    ['only the prefix', (key: string) => key.slice(0, 13)],
    ['a key that was never created', () => newKey()],
    ['the prefix of one key with the rest of another', (key: string) => key.slice(0, 14) + newKey().slice(14)],
    ['quotes', () => "' OR 1=1 --"],
    ['a long string', () => 'x'.repeat(8_000)],
  ])('are refused: %s', async (_name, spoil) => {
    const { secret } = await create({ scopes: ['admin'] });
    expectProblem(await client.as(spoil(secret)).get('/v1/keys/self'), 401, 'UNAUTHENTICATED');
  });

  it('are paged, newest first', async () => {
    for (let i = 0; i < 3; i++) await create({ name: `page ${i}`, scopes: [] });
    const names: string[] = [];
    for (let cursor: string | null = '', pages = 0; cursor !== null && pages < 2; pages++) {
      const page: any = (await client.get(`/v1/keys?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)).body;
      names.push(...page.data.map(({ name }: { name: string }) => name));
      cursor = page.nextCursor;
    }
    expect(names.slice(0, 3)).toEqual(['page 2', 'page 1', 'page 0']);
  });

  it('are refused once revoked', async () => {
    const { secret, id } = await create({ scopes: ['admin'] });
    const own = client.as(secret);
    expectStatus(await own.get('/v1/keys/self'), 200);
    expectStatus(await client.request('DELETE', `/v1/keys/${id}`), 204);
    await eventually(async () => (await own.get('/v1/keys/self')).status === 401, 1_000);
    expectProblem(await own.get('/v1/keys/self'), 401, 'KEY_REVOKED');
    expect((await client.get(`/v1/keys/${id}`)).body.revokedAt).toMatch(/Z$/);
    expectStatus(await client.request('DELETE', `/v1/keys/${id}`), 204);
  });

  it('are refused once expired', async () => {
    const expiresAt = new Date(Date.now() + 700).toISOString();
    const { secret } = await create({ scopes: ['admin'], expiresAt });
    const own = client.as(secret);
    expect((await own.get('/v1/keys/self')).body.expiresAt).toBe(expiresAt);
    await eventually(async () => (await own.get('/v1/keys/self')).status === 401, 3_000);
    expectProblem(await own.get('/v1/keys/self'), 401, 'KEY_EXPIRED');
  });

  it('that are refused leave a record of the caller, the request and the reason', async () => {
    const reader = await create({ scopes: ['projects:read'] });
    for (let attempt = 0; attempt < 3; attempt++)
      expectProblem(await client.as(reader.secret).get('/v1/keys'), 403, 'INSUFFICIENT_SCOPE');
    expectStatus(await client.as('nonsense').get('/v1/keys?ticket=secret'), 401);
    const denials = async () => (await factsOf(api.databaseUrl, 'auth.denied')).filter(({ actor }) => actor.ip);
    await eventually(async () => (await denials()).some(({ target }) => target === reader.id));
    const [found] = (await denials()).filter(({ target }) => target === reader.id);
    expect(found).toMatchObject({
      outcome: 'denied',
      data: { code: 'INSUFFICIENT_SCOPE', method: 'GET', path: '/v1/keys' },
      actor: { keyId: reader.id, ip: '127.0.0.1', requestId: expect.stringMatching(/^req_/) },
    });
    await eventually(async () => (await denials()).some(({ data }) => data.code === 'UNAUTHENTICATED'));
    expect(JSON.stringify(await denials())).not.toMatch(/nonsense|ticket/);
  });

  it('work only from the allowed addresses, whatever a header claims', async () => {
    const elsewhere = await withKey({ scopes: ['admin'], allowedIps: ['10.0.0.0/8', '2001:db8::1'] });
    expectProblem(await elsewhere.get('/v1/keys/self'), 403, 'IP_NOT_ALLOWED');
    for (const headers of [
      { 'x-forwarded-for': '10.0.0.1' },
      { forwarded: 'for=10.0.0.1' },
      { 'x-real-ip': '10.0.0.1' },
    ]) {
      expectProblem(await elsewhere.get('/v1/keys/self', headers), 403, 'IP_NOT_ALLOWED');
    }
    for (const allowed of ['127.0.0.1', '127.0.0.0/8', '0.0.0.0/0']) {
      const here = await withKey({ scopes: [], allowedIps: [allowed] });
      expectStatus(await here.get('/v1/keys/self'), 200);
    }
    expectProblem(
      await (await withKey({ scopes: ['admin'], allowedIps: [] })).get('/v1/keys/self'),
      403,
      'IP_NOT_ALLOWED',
    );
  });

  it('never create a key with more rights', async () => {
    const giver = await withKey({
      scopes: ['keys:write', 'keys:read', 'projects:read'],
      projects: ['team-a-*'],
      allowedIps: ['127.0.0.1'],
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
    });
    const same = {
      name: 'x',
      scopes: ['projects:read'],
      projects: ['team-a-*'],
      allowedIps: ['127.0.0.1'],
      expiresAt: new Date(Date.now() + 30_000).toISOString(),
    };
    expectStatus(await giver.post('/v1/keys', same), 201);
    const less = { ...same, projects: ['team-a-b-*', 'team-a-1'], rateLimitRps: 10, maxConcurrentCommands: 1 };
    expectStatus(await giver.post('/v1/keys', less), 201);
    for (const more of [
      { scopes: ['admin'] },
      { scopes: ['commands:execute'] },
      { projects: ['*'] },
      { projects: ['team-b-1'] },
      { projects: undefined },
      { allowedIps: undefined },
      { allowedIps: ['0.0.0.0/0'] },
      { expiresAt: undefined },
      { expiresAt: '2099-01-01T00:00:00Z' },
      { rateLimitRps: 0 },
    ]) {
      expectProblem(await giver.post('/v1/keys', { ...same, ...more }), 403, 'INSUFFICIENT_SCOPE');
    }
  });

  it("are changed by a merge patch, immediately, within the caller's rights", async () => {
    const { secret, id, ...key } = await create({ scopes: ['keys:read'], projects: ['web'], rateLimitRps: 0 });
    const patch = (body: unknown, by = client, type = 'application/merge-patch+json') =>
      by.request('PATCH', `/v1/keys/${id}`, body, { 'content-type': type });
    expect((await patch({ name: 'new', projects: null })).body).toEqual({ ...key, id, name: 'new', projects: null });
    expectStatus(await client.as(secret).get(`/v1/keys/${id}`), 200);
    expectStatus(await patch({ scopes: ['queue:read'], rateLimitRps: null }, client, 'application/json'), 200);
    expectProblem(await client.as(secret).get(`/v1/keys/${id}`), 403, 'INSUFFICIENT_SCOPE');
    expectStatus(await patch({}), 200);
    for (const [field, value] of Object.entries({
      name: null,
      scopes: null,
      rateLimitRps: -1,
      maxConcurrentCommands: 0,
      allowedIps: ['fe80::1%eth0'],
      expiresAt: 'soon',
      revokedAt: null,
      id: 'key_x',
    })) {
      const { errors } = expectProblem(await patch({ [field]: value }), 400, 'INVALID_REQUEST');
      expect(errors[0].pointer).toBe(Array.isArray(value) ? `#/${field}/0` : `#/${field}`);
    }
    const weak = await withKey({ scopes: ['keys:write', 'queue:read'], rateLimitRps: 5 });
    expectProblem(await patch({ name: 'mine' }, weak), 403, 'INSUFFICIENT_SCOPE');
    expectStatus(await patch({ rateLimitRps: 5 }), 200);
    expectStatus(await patch({ name: 'mine' }, weak), 200);
    for (const more of [{ rateLimitRps: 6 }, { rateLimitRps: null }, { scopes: ['admin'] }])
      expectProblem(await patch(more, weak), 403, 'INSUFFICIENT_SCOPE');
    expectStatus(await client.request('DELETE', `/v1/keys/${id}`), 204);
    expectProblem(await patch({ name: 'x' }), 409, 'CONFLICT');
    expectProblem(await client.request('PATCH', '/v1/keys/key_x', {}), 404, 'NOT_FOUND');
  });

  it('are rotated: both work for the overlap, and then only the new one', async () => {
    const { secret, ...key } = await create({ scopes: ['keys:read'], allowedIps: ['127.0.0.0/8'] });
    const rotate = (body: unknown, idempotencyKey: string, by = client) =>
      by.post(`/v1/keys/${key.id}/rotate`, body, { 'idempotency-key': idempotencyKey });
    const { secret: second, ...successor } = expectStatus(await rotate({ overlapSeconds: 600 }, 'one'), 201).body;
    expect(successor).toMatchObject({ name: key.name, scopes: ['keys:read'], allowedIps: ['127.0.0.0/8'] });
    expect([successor.rotatedFrom, successor.expiresAt, successor.id === key.id]).toEqual([key.id, null, false]);
    for (const text of [secret, second]) expectStatus(await client.as(text).get('/v1/keys/self'), 200);
    const ends = Date.parse((await client.get(`/v1/keys/${key.id}`)).body.expiresAt) - Date.now();
    expect(ends).toBeGreaterThan(500_000);
    expect(ends).toBeLessThanOrEqual(600_000);
    const again = expectStatus(await rotate({ overlapSeconds: 600 }, 'one'), 201);
    expect([again.headers['idempotency-replayed'], again.body.id, again.body.secret]).toEqual([
      'true',
      successor.id,
      undefined,
    ]);
    expectProblem(await rotate({ overlapSeconds: 2_592_001 }, 'two'), 400, 'INVALID_REQUEST');
    expectProblem(await rotate({ overlapSeconds: null }, 'two'), 400, 'INVALID_REQUEST');
    expectStatus(await rotate({ overlapSeconds: 0 }, 'three'), 201);
    expectProblem(await client.as(secret).get('/v1/keys/self'), 401, 'KEY_EXPIRED');
    expectProblem(await rotate({}, 'four'), 409, 'CONFLICT');
    expectStatus(await client.as(second).get('/v1/keys/self'), 200);
    const weak = await withKey({ scopes: ['keys:write'] });
    expectProblem(await weak.post(`/v1/keys/${successor.id}/rotate`, {}), 403, 'INSUFFICIENT_SCOPE');
    const own = (await weak.get('/v1/keys/self')).body.id;
    const rotated = expectStatus(await weak.post(`/v1/keys/${own}/rotate`), 201).body;
    expect(rotated.rotatedFrom).toBe(own);
    const day = Date.parse((await client.get(`/v1/keys/${own}`)).body.expiresAt) - Date.now();
    expect(Math.round(day / 3_600_000)).toBe(24);
  });

  it('with more rights cannot be revoked by keys with fewer, and those of other projects are hidden', async () => {
    const mighty = await create({ scopes: ['admin'] });
    const weak = await withKey({ scopes: ['keys:write', 'keys:read'] });
    expectProblem(await weak.request('DELETE', `/v1/keys/${mighty.id}`), 403, 'INSUFFICIENT_SCOPE');
    const team = await withKey({ scopes: ['admin'], projects: ['team-a-*'] });
    const within = await create({ scopes: ['commands:read'], projects: ['team-a-b-*'] });
    const outside = await create({ scopes: [], projects: ['team-b'] });
    const ids = (await team.get('/v1/keys?limit=200')).body.data.map(({ id }: { id: string }) => id);
    expect([ids.includes(within.id), ids.includes(outside.id), ids.includes(mighty.id)]).toEqual([true, false, false]);
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? {} : undefined;
      expectProblem(await team.request(method, `/v1/keys/${outside.id}`, body), 404, 'NOT_FOUND');
    }
    expectStatus(await team.request('DELETE', `/v1/keys/${within.id}`), 204);
    const self = (await weak.get('/v1/keys/self')).body.id;
    expectStatus(await weak.request('DELETE', `/v1/keys/${self}`), 204);
    expectProblem(await weak.get('/v1/keys/self'), 401, 'KEY_REVOKED');
  });

  describe('for some projects', () => {
    let own: HttpClient;
    let ids: Record<'mine' | 'theirs', string>;

    beforeAll(async () => {
      own = await withKey({
        scopes: ['projects:read', 'projects:write', 'commands:read', 'commands:execute'],
        projects: ['team-a-*', 'exact'],
      });
      for (const id of ['team-a-1', 'team-b-1', 'exact', 'exactly'])
        expectStatus(await client.post('/v1/projects', { id }), 201);
      const [mine, theirs] = await Promise.all(['team-a-1', 'team-b-1'].map((id) => runCommand(client, id, 'echo x')));
      ids = { mine: mine.id, theirs: theirs.id };
    });

    it('see these projects', async () => {
      const seen = (await own.get('/v1/projects')).body.data.map(({ id }: { id: string }) => id);
      expect(seen.sort()).toEqual(['exact', 'team-a-1']);
      expectStatus(await own.get('/v1/projects/exact'), 200);
      expect((await own.get('/v1/commands')).body.data.map(({ id }: { id: string }) => id)).toEqual([ids.mine]);
      for (const path of ['', '/wait', '/output', '/events'])
        expect((await own.get(`/v1/commands/${ids.mine}${path}`)).status).toBe(200);
      const { id } = await startCommand(own, 'team-a-1', 'true');
      await ended(own, id);
      expectStatus(await own.post('/v1/projects', { id: 'team-a-new' }), 201);
      expectStatus(await own.request('DELETE', '/v1/projects/team-a-new'), 204);
    });

    it('get 404 for others', async () => {
      for (const id of ['team-b-1', 'exactly']) {
        const hidden = expectProblem(await own.get(`/v1/projects/${id}`), 404, 'NOT_FOUND');
        const absent = expectProblem(await client.get('/v1/projects/absent'), 404, 'NOT_FOUND');
        expect(hidden.detail.replace(id, 'absent')).toBe(absent.detail);
        expectProblem(await own.request('DELETE', `/v1/projects/${id}`), 404, 'NOT_FOUND');
        expectProblem(
          await own.post(`/v1/projects/${id}/commands`, { type: 'shell', script: 'true' }),
          404,
          'NOT_FOUND',
        );
        expectProblem(await own.post('/v1/projects', { id }), 404, 'NOT_FOUND');
      }
      for (const path of ['', '/wait?timeoutSeconds=0', '/output', '/output?follow=true', '/events']) {
        expectProblem(await own.get(`/v1/commands/${ids.theirs}${path}`), 404, 'NOT_FOUND');
      }
      expect((await own.get('/v1/commands?projectId=team-b-1')).body.data).toEqual([]);
      expectStatus(await client.get('/v1/projects/team-b-1'), 200);
    });
  });
});

describe('the first key', () => {
  const started: ApiProcess[] = [];
  const start = async (options: Parameters<typeof startApi>[0]) => {
    const api = await startApi(options);
    started.push(api);
    return api;
  };
  afterEach(async () => {
    for (const api of started.splice(0)) await api.stop();
  });

  it('is in a file that only its owner may read; its path is printed, the key is not', async () => {
    const api = await start({ env: { RDEV_ADMIN_KEY: undefined } });
    const key = await api.generatedAdminKey();
    expect(key).toMatch(/^rdev_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/);
    expect((await stat(join(api.dataDir, 'admin.key'))).mode & 0o777).toBe(0o600);
    await eventually(() => api.logs.includes('admin.key'));
    expect(api.logs).not.toContain(key);
    expect(api.logs).not.toContain(key.slice(14));
    const { body } = await api.client.as(key).get('/v1/keys/self');
    expect(body).toMatchObject({ name: 'admin', scopes: ['admin'], createdBy: null, projects: null });
    await api.restart();
    expect(await api.generatedAdminKey()).toBe(key);
    expect((await api.client.as(key).get('/v1/keys/self')).body.id).toBe(body.id);
  });

  it('can come from RDEV_ADMIN_KEY, and then is in no file', async () => {
    const api = await start({});
    expectStatus(await api.client.get('/v1/keys/self'), 200);
    await expect(readFile(join(api.dataDir, 'admin.key'))).rejects.toThrow('ENOENT');
    expect(api.logs).not.toContain(api.adminKey);
  });

  it('stays revoked after a restart', async () => {
    const api = await start({});
    const other = expectStatus(await api.client.post('/v1/keys', { name: 'other', scopes: ['admin'] }), 201).body
      .secret;
    const { id } = (await api.client.get('/v1/keys/self')).body;
    expectStatus(await api.client.request('DELETE', `/v1/keys/${id}`), 204);
    await api.restart();
    expectProblem(await api.client.get('/v1/keys/self'), 401, 'KEY_REVOKED');
    expectStatus(await api.client.as(other).get('/v1/keys/self'), 200);
  });

  it.each(['hunter2', `${newKey()}x`, newKey().slice(0, -1) + '_'])(
    'prevents the start if it is malformed: %s',
    async (adminKey) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'rdev-bad-key-'));
      try {
        const api = await start({ adminKey, dataDir, waitUntilReady: false });
        await eventually(() => !api.isRunning, 15_000);
        expect(await api.kill()).toBe(1);
        expect(api.logs).toMatch(/RDEV_ADMIN_KEY/);
        expect(api.logs).not.toContain(adminKey);
        expect(api.logs).not.toMatch(/^\s+at /m);
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    },
  );
});
