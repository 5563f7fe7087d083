import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ApiProcess,
  type TestDatabase,
  Transcript,
  createProject,
  createTestDatabase,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  outputOf,
  startApi,
  startCommand,
} from '../support/index.js';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.js';

describe('a database outage', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let api: ApiProcess;

  beforeAll(async () => {
    database = await createTestDatabase();
    const url = new URL(database.url);
    proxy = await tcpProxy(url.hostname, Number(url.port || 5432));
    url.host = `127.0.0.1:${proxy.port}`;
    api = await startApi({ databaseUrl: url.href });
  });
  afterEach(() => proxy.mend());
  afterAll(async () => {
    await api.stop();
    await proxy.close();
    await database.drop();
  });

  it('is reported by /ready, and makes requests fail with a retryable error', async () => {
    const project = await createProject(api.client);
    proxy.cut();
    const { body } = await eventually(async () => {
      const response = await api.client.get('/ready');
      return response.status === 503 && response;
    });
    expect(body).toMatchObject({
      status: 'error',
      details: { database: { status: 'down' }, runtime: { status: 'up' } },
    });
    expect(JSON.stringify(body)).not.toMatch(/postgres:|127\.0\.0\.1|ECONN|password/);
    expectStatus(await api.client.get('/health'), 200);
    for (const [method, path, sent] of [
      ['GET', '/v1/projects', undefined],
      ['GET', '/v1/commands', undefined],
      ['POST', '/v1/projects', { id: 'never' }],
      ['POST', `/v1/projects/${project}/commands`, { type: 'shell', script: 'true' }],
      ['GET', '/v1/keys/self', undefined],
    ] as const) {
      const problem = expectProblem(await api.client.request(method, path, sent), 503, 'UNAVAILABLE');
      expect(problem.retryable).toBe(true);
    }
    expect(api.isRunning).toBe(true);
    // The cause is in the logs, and only there.
    await eventually(() => /"err":\{"type":"\w+","message":/.test(api.logs));
    expect(api.logs).not.toContain('not an Error');
    proxy.mend();
    await api.ready(15_000);
    expectProblem(await api.client.get('/v1/projects/never'), 404, 'NOT_FOUND');
    expectStatus(await api.client.get(`/v1/projects/${project}`), 200);
  });

  it.each([
    ['refuses connections', () => proxy.cut()],
    ['does not respond', () => proxy.stall()],
  ])('leaves no stale values in the metrics, which alerts would take for current ones: it %s', async (_name, fail) => {
    const shared = ['rdev_queue_depth', 'rdev_webhook_delivery_late_seconds', 'rdev_audit_unsealed_seconds'];
    const shown = async (): Promise<string[]> => {
      const text = await (await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`)).text();
      expect(text).toMatch(/^rdev_database_waiting \d+$/m);
      return shared.filter((name) => new RegExp(`^${name}[ {]`, 'm').test(text));
    };
    await eventually(async () => (await shown()).length === shared.length, 60_000);
    fail();
    await eventually(async () => (await shown()).length === 0, 60_000);
    proxy.mend();
    await eventually(async () => (await shown()).length === shared.length, 60_000);
  });

  it.each([
    ['while it writes', 5, async (spool: string) => (await stat(join(spool, 'out'))).size > 400],
    ['across its end', 1, async (spool: string) => (await stat(join(spool, 'end'))).isFile()],
  ])('does not affect a running command: %s', async (_name, seconds, isLongEnough) => {
    const project = await createProject(api.client);
    const count = seconds * 20;
    const script = `i=0; while [ $i -lt ${count} ]; do i=$((i+1)); echo line $i; echo error $i >&2; sleep 0.05; done; exit 7`;
    const { id } = await startCommand(api.client, project, script);
    const transcript = new Transcript();
    await transcript.read(await api.client.sse(`/v1/commands/${id}/events`), () => transcript.position.stdout > 20);
    proxy.cut();
    await eventually(() => isLongEnough(join(api.dataDir, 'spool', 'rdev', id, 'c')));
    proxy.mend();
    await api.ready(15_000);
    await eventually(async () => {
      await transcript.read(
        await api.client.sse(`/v1/commands/${id}/events`, { lastEventId: transcript.lastEventId! }),
      );
      return transcript.end !== undefined;
    }, 30_000);
    const expected = (word: string) => Array.from({ length: count }, (_, i) => `${word} ${i + 1}\n`).join('');
    expect(transcript.text()).toBe(expected('line'));
    expect(transcript.text('stderr')).toBe(expected('error'));
    expect(transcript.gaps).toEqual([]);
    expect(transcript.end).toMatchObject({
      status: 'failed',
      result: { exitCode: 7, reason: 'exited', truncated: false },
    });
    expect((await outputOf(api.client, id)).toString()).toBe(expected('line'));
  });

  it('does not affect a queued command', async () => {
    const project = await createProject(api.client);
    const first = await startCommand(api.client, project, { script: 'sleep 1', lock: 'x' });
    const second = await startCommand(api.client, project, { script: 'echo ran', lock: 'x' });
    proxy.cut();
    await eventually(async () => (await api.client.get('/ready')).status === 503);
    proxy.mend();
    await api.ready(15_000);
    expect((await ended(api.client, first.id)).status).toBe('succeeded');
    expect((await ended(api.client, second.id)).status).toBe('succeeded');
    expect((await outputOf(api.client, second.id)).toString()).toBe('ran\n');
  });
});
