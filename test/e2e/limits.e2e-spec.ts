import { once } from 'node:events';
import { connect } from 'node:net';
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

describe('limits', () => {
  let api: ApiProcess;
  let project: string;

  beforeAll(async () => {
    api = await startApi({ env: { RDEV_MAX_STREAMS: '3' } });
    project = await createProject(api.client);
  });
  afterAll(() => api.stop());

  it('allow a key so many streams and long polls at a time, whatever they are; a key of its own has its own', async () => {
    const { id } = await startCommand(api.client, project, 'sleep 60');
    const events = await api.client.sse(`/v1/commands/${id}/events`);
    const raw = rawFollower(id);
    await once(raw, 'readable');
    const poll = new AbortController();
    const headers = { authorization: `Bearer ${api.adminKey}` };
    const keepWaiting = async (): Promise<void> => {
      // Again, if it came while `another` was there.
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

  /** Follows raw output, and never reads any. */
  function rawFollower(id: string) {
    const socket = connect(api.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      `GET /v1/commands/${id}/output?follow=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.adminKey}\r\n\r\n`,
    );
    return socket.pause();
  }

  it('hold back for a reader that does not read, while the command goes on and others read all of it', async () => {
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
