import { once } from 'node:events';
import { connect } from 'node:net';
import { EventSource } from 'eventsource';
import {
  type ApiProcess,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  outputOf,
  startApi,
  startCommand,
} from '../support/index.js';

/** The URL of a proxy that does not exist: published URLs must contain it. */
const PUBLIC_URL = 'https://rdev.example/api';

describe('limits', () => {
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    api = await startApi({
      env: { RDEV_MAX_STREAMS: '3', RDEV_PUBLIC_URL: PUBLIC_URL, TRUST_PROXY: '10.0.0.0/8,192.0.2.7' },
    });
    project = await createProject(api.client);
  });
  afterAll(() => api.stop());

  it('give each key its own number of concurrent streams and long polls', async () => {
    const { id } = await startCommand(api.client, project, 'sleep 60');
    const events = await api.client.sse(`/v1/commands/${id}/events`);
    const raw = rawFollower(id);
    await once(raw, 'readable');
    const poll = new AbortController();
    const headers = { authorization: `Bearer ${api.adminKey}` };
    const keepWaiting = async (): Promise<void> => {
      // Retries if it arrived while `another` was open.
      while (!poll.signal.aborted)
        await fetch(`${api.baseUrl}/v1/commands/${id}/wait`, { headers, signal: poll.signal }).catch(() => null);
    };
    const waiting = keepWaiting();
    const another = () => api.client.get(`/v1/commands/${id}/wait?timeoutSeconds=0`);
    await eventually(async () => (await another()).status === 429);
    expect(expectProblem(await another(), 429, 'TOO_MANY_STREAMS')).toMatchObject({ retryable: true, max: 3 });
    for (const path of [`/v1/commands/${id}/events`, `/v1/projects/${project}/events`])
      await expect(api.client.sse(path)).rejects.toMatchObject({ response: { status: 429 } });
    const waited = await api.client.request(
      'POST',
      `/v1/projects/${project}/commands`,
      { type: 'shell', script: 'true' },
      { prefer: 'wait=5' },
    );
    expectProblem(waited, 429, 'TOO_MANY_STREAMS');
    expect((await api.client.get(`/v1/commands?projectId=${project}`)).body.data).toHaveLength(1);
    expect((await api.client.get(`/v1/commands/${id}`)).status).toBe(200);

    const { body } = await api.client.post('/v1/keys', { name: 'other', scopes: ['commands:read'] });
    expectStatus(await api.client.as(body.secret).get(`/v1/commands/${id}/wait?timeoutSeconds=0`), 200);

    for (const leave of [() => events.drop(), () => raw.destroy(), () => poll.abort()]) {
      leave();
      await eventually(async () => (await another()).status === 200);
    }
    await waiting;
    await api.client.post(`/v1/commands/${id}/cancel`, { graceSeconds: 0 });
  });

  it('queue an EventSource, which would not reconnect after a 429', async () => {
    const { id } = await startCommand(api.client, project, 'until [ -e on ]; do sleep 0.02; done; echo done');
    const path = `/v1/commands/${id}/events`;
    const { url } = expectStatus(await api.client.post('/v1/stream-tickets', { path }), 201).body;
    expect(url).toMatch(`${PUBLIC_URL}${path}?ticket=`);
    const held = await Promise.all(Array.from({ length: 3 }, () => api.client.sse(path)));
    const source = new EventSource(url.replace(PUBLIC_URL, api.baseUrl));
    try {
      const completed = new Promise<string>((resolve) => {
        source.addEventListener('complete', ({ data }: { data: string }) => resolve(data));
      });
      await new Promise((resolve) => source.addEventListener('error', resolve, { once: true }));
      expect(source.readyState).toBe(EventSource.CONNECTING);
      for (const stream of held) stream.drop();
      expectStatus(
        await api.client.post(`/v1/projects/${project}/commands`, { type: 'shell', script: 'touch on' }),
        202,
      );
      expect(JSON.parse(await completed)).toMatchObject({ status: 'succeeded', result: { stdoutBytes: 5 } });
    } finally {
      source.close();
    }
  });

  it('aside: published URLs use the public URL, and the log says which addresses may forge client addresses', async () => {
    const created = await api.client.post(`/v1/projects/${project}/commands`, { type: 'shell', script: 'true' });
    expect(created.headers.location).toBe(`${PUBLIC_URL}/v1/commands/${created.body.id}`);
    const { instance } = expectProblem(await api.client.get('/v1/commands/cmd_nothing'), 404, 'NOT_FOUND');
    expect(instance).toBe(`${PUBLIC_URL}/v1/commands/cmd_nothing`);
    expect(api.logs).toContain(`rdev is ready at ${PUBLIC_URL}\n`);
    const { body } = await api.client.get('/openapi.json');
    expect(body.servers).toEqual([{ url: '.' }]);
    expect(api.logs).toContain('TRUST_PROXY trusts 10.0.0.0/8, which ');
    expect(api.logs).not.toContain('trusts 192.0.2.7');
  });

  /** Follows raw output without ever reading it. */
  function rawFollower(id: string) {
    const socket = connect(api.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `GET /v1/commands/${id}/output?follow=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.adminKey}\r\n\r\n`,
    );
    return socket.pause();
  }

  it('stop buffering for a reader that does not read, while the command continues and others read everything', async () => {
    const bytes = 30_000_000;
    const { id } = await startCommand(api.client, project, {
      script: `until [ -e go ]; do sleep 0.02; done; head -c ${bytes} /dev/zero`,
    });
    const deaf = rawFollower(id);
    await startCommand(api.client, project, 'touch go');
    expect(await ended(api.client, id)).toMatchObject({ status: 'succeeded', result: { stdoutBytes: bytes } });
    expect(await outputOf(api.client, id)).toHaveLength(bytes);
    deaf.destroy();
  });
});
