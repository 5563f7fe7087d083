import {
  type ApiProcess,
  type HttpClient,
  Transcript,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  startApi,
  startCommand,
} from '../support/index.js';

/** Streams end within 2 s; the test process itself may be slow to see it. */
const END_MS_MAX = 2_000;

describe('a key that loses rights while streams are open on two replicas', () => {
  let one: ApiProcess;
  let two: ApiProcess;
  let admin: HttpClient;
  let project: string;
  let id: string;

  beforeAll(async () => {
    one = await startApi();
    two = await startApi({
      databaseUrl: one.databaseUrl,
      dataDir: one.dataDir,
      adminKey: one.adminKey,
      env: { RDEV_MAX_RUNNING: '0' },
    });
    admin = one.client;
    project = await createProject(admin);
    ({ id } = await startCommand(admin, project, 'while :; do echo tick; sleep 0.1; done'));
  });
  afterAll(async () => {
    await admin.post(`/v1/commands/${id}/cancel`, { graceSeconds: 0 });
    await ended(admin, id);
    await two.stop();
    await one.stop();
  });

  async function open(grant: Record<string, unknown> = {}) {
    const body = { name: 'reader', scopes: ['commands:read'], ...grant };
    const key = expectStatus(await admin.post('/v1/keys', body), 201).body;
    const clients = [one, two].map((api) => api.client.as(key.secret));
    const began: unknown[] = [];
    const streams = clients.map(async (client) => {
      const transcript = new Transcript();
      await transcript.read(await client.sse(`/v1/commands/${id}/events`), ({ event }) => {
        if (event === 'output') began.push(client);
        return false;
      });
      return transcript;
    });
    const raw = clients.map((client) => client.bytes(`/v1/commands/${id}/output?follow=true`));
    const polls = clients.map((client) => client.get(`/v1/commands/${id}/wait?timeoutSeconds=60`));
    await eventually(() => new Set(began).size === 2);
    return { key, clients, streams, raw, polls };
  }

  async function within<T>(work: Promise<T>, since: number): Promise<T> {
    const result = await work;
    expect(performance.now() - since).toBeLessThan(END_MS_MAX);
    return result;
  }

  it.each<[string, Record<string, unknown> | null, number, string]>([
    ['it is revoked', null, 401, 'KEY_REVOKED'],
    ['its scopes are reduced', { scopes: ['projects:read'] }, 403, 'INSUFFICIENT_SCOPE'],
    ['its projects are reduced', { projects: ['other-*'] }, 404, 'NOT_FOUND'],
    ['its addresses are reduced', { allowedIps: ['192.0.2.1'] }, 403, 'IP_NOT_ALLOWED'],
    ['its expiry is brought forward', { expiresAt: new Date(0).toISOString() }, 401, 'KEY_EXPIRED'],
  ])('ends all streams within 2 s when %s, and tells reconnecting clients why', async (_case, patch, status, code) => {
    const { key, clients, streams, raw, polls } = await open();
    const since = performance.now();
    if (patch === null) expectStatus(await admin.request('DELETE', `/v1/keys/${key.id}`), 204);
    else expectStatus(await admin.request('PATCH', `/v1/keys/${key.id}`, patch), 200);
    for (const stream of streams) expect((await within(stream, since)).end).toBeUndefined();
    for (const answer of raw) expect(await within(answer, since)).toMatchObject({ status: 200, isWhole: false });
    for (const poll of polls) expect((await within(poll, since)).status).toBe(status === 404 ? 403 : status);
    for (const client of clients) expectProblem(await client.get(`/v1/commands/${id}/events`), status, code);
  });

  it('ends them when it expires', async () => {
    const expiresAt = new Date(Date.now() + 2_500);
    const { streams, raw } = await open({ expiresAt: expiresAt.toISOString() });
    const since = performance.now() + expiresAt.getTime() - Date.now();
    for (const answer of [...streams, ...raw]) await within<unknown>(answer, since);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
  });

  it('ends none when only its name or limits change, or it gets more rights', async () => {
    const { key, streams, raw, polls } = await open({ projects: [project] });
    let over = false;
    const first = Promise.race([...streams, ...raw, ...polls]).then(() => (over = true));
    const patch = { name: 'renamed', rateLimitRps: 0, maxConcurrentCommands: 1, projects: null };
    expectStatus(await admin.request('PATCH', `/v1/keys/${key.id}`, patch), 200);
    // Both replicas have read the key since: a key that was changed later has lost its streams.
    const other = await open();
    expectStatus(await admin.request('DELETE', `/v1/keys/${other.key.id}`), 204);
    await Promise.all(other.streams);
    expect(over).toBe(false);
    expectStatus(await admin.request('DELETE', `/v1/keys/${key.id}`), 204);
    await first;
    await Promise.all([...streams, ...raw, ...polls]);
  });
});
