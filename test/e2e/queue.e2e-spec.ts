import {
  type ApiProcess,
  type HttpClient,
  type SseEvent,
  createProject,
  ended,
  eventually,
  factsOf,
  expectProblem,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';

describe('the queue', () => {
  let api: ApiProcess;
  let client: HttpClient;

  beforeAll(async () => {
    api = await startApi({ env: { CONCURRENT_COMMANDS: '1', RDEV_MAX_QUEUED: '5' } });
    ({ client } = api);
  });
  afterAll(() => api.stop());

  const get = async (id: string): Promise<any> => (await client.get(`/v1/commands/${id}`)).body;
  /** Waits for the end, so that the next test finds the queue empty. */
  const cancel = async (id: string): Promise<void> => {
    await client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 0 });
    await ended(client, id);
  };
  afterEach(async () => {
    const { body } = await client.get('/v1/commands?status=queued,starting,running&limit=200');
    for (const { id } of body.data) await cancel(id);
  });

  /** A project and the command that takes its only slot. */
  async function busyProject(): Promise<{ project: string; blocker: string }> {
    const project = await createProject(client);
    const { id: blocker } = await startCommand(client, project, 'sleep 120');
    await eventually(async () => (await get(blocker)).status === 'running');
    return { project, blocker };
  }

  const facts = (type: string) => factsOf(api.databaseUrl, type);

  it("shows a command's place, and reports changes on its stream", async () => {
    const { project, blocker } = await busyProject();
    const first = await startCommand(client, project, { script: 'true' });
    const second = await startCommand(client, project, { script: 'true' });
    expect(first.queue).toEqual({ position: 1, ahead: 0, estimatedWaitSeconds: null });
    expect(second).toMatchObject({ status: 'queued', queue: { position: 2, ahead: 1, estimatedWaitSeconds: null } });
    const events: SseEvent[] = [];
    const stream = (async () => {
      for await (const event of await client.sse(`/v1/commands/${second.id}/events`)) events.push(event);
    })();
    const places = () =>
      events.filter(({ event }) => event === 'status').map(({ data }) => data.queue?.position ?? data.status);
    await eventually(() => places().length === 1);
    const { body: raised } = await client.request('PATCH', `/v1/commands/${second.id}`, { priority: 'urgent' });
    expect(raised).toMatchObject({ priority: 'urgent', queue: { position: 1, ahead: 0 } });
    expect((await get(first.id)).queue).toMatchObject({ position: 2, ahead: 1 });
    await eventually(() => places().length === 2);
    await cancel(blocker);
    await stream;
    expect(places().slice(0, 2)).toEqual([2, 1]);
    expect(places()).not.toContain('queued');
    expect(events.at(-1)).toMatchObject({ event: 'complete', data: { status: 'succeeded' } });
    expect(events.at(-1)!.data.queue).toBeUndefined();
    const done = await ended(client, first.id);
    expect(done.queue).toBeNull();
    expect(new Date(done.startedAt) >= new Date((await get(second.id)).endedAt)).toBe(true);
    expect((await client.get(`/v1/commands?projectId=${project}`)).body.data[0].queue).toBeNull();
    expect(await facts('command.reprioritized')).toMatchObject([
      { project_id: project, target: second.id, data: { before: 'normal', priority: 'urgent' } },
    ]);
  });

  it('estimates the wait only from recent run times of the project', async () => {
    const project = await createProject(client);
    const seconds: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { startedAt, endedAt } = await runCommand(client, project, 'sleep 1');
      seconds.push((Date.parse(endedAt) - Date.parse(startedAt)) / 1000);
    }
    const mean = seconds.reduce((sum, value) => sum + value) / seconds.length;
    const { id: blocker } = await startCommand(client, project, 'sleep 120');
    await eventually(async () => (await get(blocker)).status === 'running');
    const waiting = [];
    for (const lock of [undefined, undefined, 'l', 'l'])
      waiting.push(await startCommand(client, project, { script: 'true', lock }));
    const estimates = waiting.map(({ queue }) => queue.estimatedWaitSeconds);
    // The last one waits for the lock of the one before, for an unknown time.
    expect(estimates).toEqual([Math.ceil(mean), Math.ceil(2 * mean), Math.ceil(3 * mean), null]);
    await client.post(`/v1/projects/${project}/queue/pause`);
    expect((await get(waiting[0].id)).queue).toMatchObject({ position: 1, estimatedWaitSeconds: null });
    for (const { id } of waiting) await cancel(id);
    await cancel(blocker);
  });

  it('changes the priority of queued commands, and no others', async () => {
    const { project, blocker } = await busyProject();
    const { id } = await startCommand(client, project, { script: 'true', priority: 'low' });
    const patch = (target: string, body: unknown) => client.request('PATCH', `/v1/commands/${target}`, body);
    expect((await patch(id, {})).body).toMatchObject({ id, priority: 'low' });
    expect((await patch(id, { priority: 'high' })).body).toMatchObject({ id, priority: 'high', status: 'queued' });
    for (const body of [{ priority: 'x' }, { priority: null }, { priority: 3 }, { lock: 'a' }, []]) {
      expectProblem(await patch(id, body), 400, 'INVALID_REQUEST');
    }
    expectProblem(await patch('cmd_none', { priority: 'low' }), 404, 'NOT_FOUND');
    expectProblem(await patch(blocker, { priority: 'low' }), 409, 'CONFLICT');
    await cancel(id);
    expectProblem(await patch(id, { priority: 'low' }), 409, 'COMMAND_ENDED');
    await cancel(blocker);
  });

  it('accepts exactly as many as allowed under concurrent requests', async () => {
    const { project, blocker } = await busyProject();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        client.post(`/v1/projects/${project}/commands`, { type: 'shell', script: 'true' }),
      ),
    );
    const queued = answers.filter(({ status }) => status === 202);
    expect(queued).toHaveLength(5);
    expectProblem(
      answers.find(({ status }) => status !== 202)!,
      429,
      'QUEUE_FULL',
    );
    for (const { body } of queued) {
      await cancel(body.id);
      expect((await get(body.id)).status).toBe('cancelled');
    }
    await cancel(blocker);
  });

  it('is paused per project or as a whole, across a restart, and shows it', async () => {
    const [project, other] = [await createProject(client), await createProject(client)];
    const pause = async (path: string): Promise<any> => {
      const { status, body } = await client.post(path);
      return { status, ...body };
    };
    const queueOf = async (id: string): Promise<any> =>
      (await client.get('/v1/queue?limit=200')).body.data.find(({ projectId }: any) => projectId === id);
    for (let i = 0; i < 2; i++) {
      expect(await pause(`/v1/projects/${project}/queue/pause`)).toEqual({
        status: 200,
        projectId: project,
        paused: true,
      });
    }
    const waiting = await startCommand(client, project, { script: 'true', priority: 'high' });
    expect((await runCommand(client, other, 'true')).status).toBe('succeeded');
    await api.restart();
    expect(await queueOf(project)).toMatchObject({
      paused: true,
      depth: 1,
      running: 0,
      oldestWaitSeconds: expect.any(Number),
      priorities: {
        high: { depth: 1, oldestWaitSeconds: expect.any(Number) },
        low: { depth: 0, oldestWaitSeconds: null },
      },
    });
    expect(await pause('/v1/queue/pause')).toEqual({ status: 200, projectId: null, paused: true });
    expect(await pause(`/v1/projects/${project}/queue/resume`)).toMatchObject({ status: 200, paused: false });
    const held = await startCommand(client, other, 'true');
    expect((await client.get('/v1/queue')).body.paused).toBe(true);
    expect((await get(waiting.id)).status).toBe('queued');
    expect((await get(held.id)).queue).toEqual({ position: 1, ahead: 0, estimatedWaitSeconds: null });
    expect(await pause('/v1/queue/resume')).toEqual({ status: 200, projectId: null, paused: false });
    for (const { id } of [waiting, held]) expect((await ended(client, id)).status).toBe('succeeded');
    expect(await queueOf(project)).toBeUndefined();
    expectProblem(await client.post('/v1/projects/nothing/queue/pause'), 404, 'NOT_FOUND');
    await eventually(async () => (await facts('queue.resumed')).length === 2);
    expect((await facts('queue.paused')).filter(({ target }) => [project, 'queue'].includes(target))).toMatchObject([
      { project_id: project, target: project, actor: { keyId: expect.any(String) } },
      { project_id: null, target: 'queue' },
    ]);
  });

  it('shows and pauses only what the key may see', async () => {
    const { project, blocker } = await busyProject();
    const hidden = await busyProject();
    const { body } = await client.post('/v1/keys', {
      name: 'limited',
      scopes: ['queue:read', 'queue:write'],
      projects: [project],
    });
    const limited = client.as(body.secret);
    expect((await limited.get('/v1/queue')).body).toMatchObject({
      paused: false,
      data: [{ projectId: project, paused: false, depth: 0, running: 1, oldestWaitSeconds: null }],
      nextCursor: null,
    });
    const first = (await client.get('/v1/queue?limit=1')).body;
    const second = (await client.get(`/v1/queue?limit=1&cursor=${first.nextCursor}`)).body;
    // A project that an earlier test left paused is listed too.
    const all: string[] = (await client.get('/v1/queue?limit=200')).body.data.map(({ projectId }: any) => projectId);
    expect(all).toEqual(expect.arrayContaining([project, hidden.project]));
    expect([first, second].map(({ data }) => data[0].projectId)).toEqual([...all].sort().slice(0, 2));
    expectProblem(await limited.post(`/v1/projects/${hidden.project}/queue/pause`), 404, 'NOT_FOUND');
    expectProblem(await limited.post('/v1/queue/pause'), 403, 'INSUFFICIENT_SCOPE');
    expect((await limited.post(`/v1/projects/${project}/queue/pause`)).status).toBe(200);
    await Promise.all([blocker, hidden.blocker].map(cancel));
  });

  it('respects the limit of a key across projects, and changes of it immediately', async () => {
    const { body } = await client.post('/v1/keys', {
      name: 'one at a time',
      scopes: ['commands:read', 'commands:execute'],
      maxConcurrentCommands: 1,
    });
    const key = client.as(body.secret);
    const [one, two] = [await createProject(client), await createProject(client)];
    const { id: running } = await startCommand(key, one, 'sleep 120');
    await eventually(async () => (await get(running)).status === 'running');
    const { id: waiting } = await startCommand(key, two, 'true');
    expect((await runCommand(client, two, 'true')).status).toBe('succeeded');
    expect((await get(waiting)).status).toBe('queued');
    await cancel(running);
    expect((await ended(client, waiting)).status).toBe('succeeded');
  });

  it('is exported to Prometheus on another port, without any id', async () => {
    await runCommand(client, await createProject(client), 'true');
    const { project, blocker } = await busyProject();
    await startCommand(client, project, { script: 'true', priority: 'high' });
    const stream = await client.sse(`/v1/commands/${blocker}/events`);
    const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`)).text();
    await eventually(async () => (await scrape()).includes('rdev_sse_connections_active 1'));
    await client.get('/v1/nowhere');
    const metrics = await scrape();
    for (const line of [
      /^rdev_queue_depth\{priority="high"\} 1$/m,
      /^rdev_queue_depth\{priority="low"\} 0$/m,
      /^rdev_commands_active 1$/m,
      /^rdev_commands_total\{type="shell",status="succeeded"\} \d+$/m,
      /^rdev_command_duration_seconds_count\{type="shell",status="succeeded"\} \d+$/m,
      /^rdev_queue_wait_seconds_bucket\{le="0\.1",priority="normal"\} \d+$/m,
      /^http_requests_total\{method="GET",route="\/v1\/commands\/:id",status="200"\} \d+$/m,
      /^http_requests_total\{method="GET",route="none",status="404"\} 1$/m,
      /^http_request_duration_seconds_count\{method="POST",route="\/v1\/projects\/:projectId\/commands",status="202"\} \d+$/m,
    ]) {
      expect(metrics).toMatch(line);
    }
    for (const id of [project, blocker, 'cmd_', 'nowhere']) expect(metrics).not.toContain(id);
    stream.drop();
    expectProblem(await client.get('/metrics'), 404, 'NOT_FOUND');
    await cancel(blocker);
  });

  it('is ignored by a replica that may run nothing', async () => {
    const idle = await startApi({
      databaseUrl: api.databaseUrl,
      adminKey: api.adminKey,
      env: { RDEV_MAX_RUNNING: '0' },
    });
    try {
      await api.kill('SIGTERM');
      const project = await createProject(idle.client);
      const { id } = await startCommand(idle.client, project, { script: 'true', queueTimeoutSeconds: 1 });
      expect(await ended(idle.client, id)).toMatchObject({ status: 'expired' });
      const { id: later } = await startCommand(idle.client, project, 'true');
      await api.start();
      // The project's directory belongs to the other replica: it only matters that the command was started there.
      expect((await ended(client, later)).startedAt ?? (await get(later)).result).not.toBeNull();
    } finally {
      await idle.stop();
    }
  });
});
