import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ApiProcess,
  type HttpClient,
  WebhookReceiver,
  createProject,
  ended,
  eventually,
  expectStatus,
  freePort,
  outputOf,
  startApi,
  startCommand,
} from '../support/index.js';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';

const CALLER_SPAN = '00f067aa0ba902b7';
let traces = 0;
/** A trace that a client began. */
function newTrace(flags = '01') {
  const traceId = `${String(++traces).padStart(4, '0')}f3577b34da6a3ce929d0e0e4736a`.padStart(32, 'a');
  return { traceId, traceparent: `00-${traceId}-${CALLER_SPAN}-${flags}` };
}

describe('tracing', () => {
  const started: ApiProcess[] = [];
  let collector: OtlpReceiver;
  let endpoint: WebhookReceiver;
  const start = async (env: Record<string, string> = {}, options: Parameters<typeof startApi>[0] = {}) => {
    const api = await startApi({ ...options, env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.1', ...env } });
    started.push(api);
    return api;
  };
  beforeEach(async () => {
    collector = await OtlpReceiver.start();
    endpoint = await WebhookReceiver.start();
  });
  afterEach(async () => {
    for (const api of started.splice(0)) await api.stop();
    collector.stop();
    endpoint.stop();
  });

  const run = async (client: HttpClient, traceparent: string, extra: object = {}) => {
    const body = {
      type: 'shell',
      script: 'echo $TRACEPARENT; : script-secret',
      env: { TOKEN: 'env-secret' },
      ...extra,
    };
    const created = await client.request('POST', '/v1/projects/web/commands', body, { traceparent });
    const { id } = expectStatus(created, 202).body;
    return id as string;
  };
  const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
    const found = spans.filter((span) => span.name === name);
    if (found.length !== 1)
      throw new Error(`${found.length} spans are called ${name}: ${spans.map((s) => s.name).join()}`);
    return found[0]!;
  };
  const childrenOf = (spans: readonly ReceivedSpan[], parent: ReceivedSpan): string[] =>
    spans.filter(({ parentId }) => parentId === parent.id).map(({ name }) => name);

  it.each(['http/protobuf', 'http/json'])(
    'goes from the request through the command to its webhook in one trace: %s',
    async (protocol) => {
      const { client } = await start({ ...collector.env(protocol), OTEL_RESOURCE_ATTRIBUTES: 'team=a' });
      await createProject(client, { id: 'web' });
      const { traceId, traceparent } = newTrace();
      const id = await run(client, traceparent, { callbackUrl: `${endpoint.base}/done` });
      await ended(client, id);
      await eventually(() => collector.of(traceId).some(({ name }) => name === 'POST webhook'), 20_000);
      const spans = collector.of(traceId);
      const request = named(spans, 'POST /v1/projects/:projectId/commands');
      const command = named(spans, 'command shell');
      const webhook = named(spans, 'POST webhook');
      expect([request.parentId, command.parentId, webhook.parentId]).toEqual([CALLER_SPAN, request.id, command.id]);
      expect(command.linkedTo).toEqual([request.id]);
      expect(childrenOf(spans, command)).toEqual(
        expect.arrayContaining(['command queued', 'command start', 'command run', 'POST webhook', 'transaction']),
      );
      expect(childrenOf(spans, request)).toContain('transaction');
      expect(named(spans, 'command run').events).toEqual(['first byte']);
      expect(request).toMatchObject({
        kind: 2,
        attributes: { 'http.route': '/v1/projects/:projectId/commands', 'http.response.status_code': '202' },
        resource: { 'service.name': 'rdev', team: 'a' },
      });
      expect(command.attributes).toMatchObject({
        'rdev.command.id': id,
        'rdev.project.id': 'web',
        'rdev.command.status': 'succeeded',
        'process.exit.code': '0',
      });
      expect(command.toMs).toBeGreaterThanOrEqual(command.fromMs);
      expect(named(spans, 'command queued').fromMs).toBe(command.fromMs);
      expect(named(spans, 'command run').toMs).toBe(command.toMs);
      expect((await outputOf(client, id)).toString()).toBe(`00-${traceId}-${command.id}-01\n`);
      expect(endpoint.at('/done')[0]!.headers.traceparent).toBe(`00-${traceId}-${webhook.id}-01`);
      expect(collector.raw).not.toMatch(/script-secret|env-secret/);
      expect([...collector.contentTypes]).toEqual([
        protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
      ]);
    },
  );

  it('begins a trace for a request without one, and tells it to the log and the audit', async () => {
    const api = await start(collector.env());
    const { client } = api;
    await createProject(client, { id: 'web' });
    await client.get(`/v1/keys/${api.adminKey}`);
    const span = await eventually(() => collector.spans.find(({ name }) => name === 'POST /v1/projects'), 20_000);
    expect(span.parentId).toBe('');
    const [record] = await eventually(async () => {
      const { data } = (await client.get(`/v1/audit?traceId=${span.traceId}&type=project.created`)).body;
      return data.length > 0 && data;
    }, 20_000);
    expect(record.actor).toMatchObject({ traceId: span.traceId, spanId: span.id, traceFlags: '01' });
    const line = api.logs.split('\n').find((one) => one.includes('"path":"/v1/projects"'))!;
    expect(JSON.parse(line)).toMatchObject({ traceId: span.traceId });
    // A key that a client puts into a path by mistake.
    await eventually(() => collector.raw.includes('/v1/keys/***'), 20_000);
    expect(`${api.logs}${collector.raw}`).not.toContain(api.adminKey);
  });

  it('is whole when another replica ends the command', async () => {
    const env = collector.env();
    const first = await start(env);
    await createProject(first.client, { id: 'web' });
    const { traceId, traceparent } = newTrace();
    const id = await run(first.client, traceparent, { script: 'echo $TRACEPARENT; sleep 3' });
    await eventually(async () => (await outputOf(first.client, id)).length > 0, 20_000);
    await first.kill();
    const second = await start(env, {
      databaseUrl: first.databaseUrl,
      dataDir: first.dataDir,
      adminKey: first.adminKey,
    });
    await ended(second.client, id);
    await eventually(() => collector.of(traceId).some(({ name }) => name === 'command run'), 20_000);
    const command = named(collector.of(traceId), 'command shell');
    expect((await outputOf(second.client, id)).toString()).toBe(`00-${traceId}-${command.id}-01\n`);
  });

  it('records nothing of a trace that its client does not sample, and hands it on as it is', async () => {
    const { client } = await start(collector.env());
    await createProject(client, { id: 'web' });
    const { traceId, traceparent } = newTrace('00');
    const id = await run(client, traceparent, { callbackUrl: `${endpoint.base}/done` });
    await ended(client, id);
    await eventually(() => endpoint.at('/done').length > 0, 20_000);
    expect((await outputOf(client, id)).toString()).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00\n$`));
    expect(endpoint.at('/done')[0]!.headers.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    const other = newTrace();
    await client.request('GET', '/v1/commands', undefined, { traceparent: other.traceparent });
    await eventually(() => collector.of(other.traceId).length > 0, 20_000);
    expect(collector.of(traceId)).toEqual([]);
  });

  it('is off by default: the trace context of a client is passed on, and the SDK is not loaded', async () => {
    const { client } = await start();
    await createProject(client, { id: 'web' });
    const { traceparent } = newTrace();
    const id = await run(client, traceparent, { callbackUrl: `${endpoint.base}/done` });
    await ended(client, id);
    await eventually(() => endpoint.at('/done').length > 0, 20_000);
    expect((await outputOf(client, id)).toString()).toBe(`${traceparent}\n`);
    expect(endpoint.at('/done')[0]!.headers.traceparent).toBe(traceparent);
    const loaded = ['main', 'libs', 'packages'].filter((name) =>
      readFileSync(`dist/${name}.cjs`, 'utf8').includes('require("./opentelemetry.cjs")'),
    );
    expect(readdirSync('dist')).toContain('opentelemetry.cjs');
    expect(loaded).toEqual([]);
  });

  it('exports every metric that Prometheus reads', async () => {
    const api = await start({ ...collector.env(), OTEL_TRACES_EXPORTER: 'none' });
    const text = await (await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`)).text();
    const names = Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name);
    await eventually(() => collector.metrics.length > 0, 20_000);
    expect([...collector.metrics].sort()).toEqual(names.sort());
    expect(collector.spans).toEqual([]);
  });

  it('goes on while the collector is unavailable, says so once, and stops in time', async () => {
    const env = { ...collector.env(), OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
    const api = await start({ ...env, OTEL_EXPORTER_OTLP_TIMEOUT: '300' });
    await createProject(api.client, { id: 'web' });
    await ended(api.client, (await startCommand(api.client, 'web', 'echo hi')).id);
    const lines = () => api.logs.split('\n').filter((line) => line.includes('could not be exported'));
    await eventually(() => lines().length > 0, 30_000);
    expect(JSON.parse(lines()[0]!)).toMatchObject({ level: 'warn', err: { message: expect.stringMatching(/./) } });
    await ended(api.client, (await startCommand(api.client, 'web', 'echo hi')).id);
    expect(lines()).toHaveLength(1);
  });

  it('stops with code 0 while neither the collector nor a webhook responds', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    try {
      const api = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
      const { id } = expectStatus(await api.client.post('/v1/webhooks', { url, events: ['key.*'] }), 201).body;
      const socket = connect(api.port, '127.0.0.1').on('error', () => undefined);
      const headers = `Host: api\r\nAuthorization: Bearer ${api.adminKey}\r\nContent-Type: application/json`;
      socket.write(`POST /v1/webhooks/${id}/test HTTP/1.1\r\n${headers}\r\nContent-Length: 2\r\n\r\n`);
      const ended = api.kill('SIGTERM');
      // A request that is under way when the signal comes begins an attempt that lasts for 15 s.
      await delay(1_500);
      socket.write('{}');
      expect(await ended).toBe(0);
    } finally {
      silent.close();
    }
  });

  it('records a long path in part', async () => {
    const { client } = await start(collector.env());
    const { traceId, traceparent } = newTrace();
    await client.request('GET', `/${'p'.repeat(8_000)}`, undefined, { traceparent });
    const [span] = await eventually(() => collector.of(traceId).length > 0 && collector.of(traceId), 20_000);
    expect(span!.attributes['url.path']).toHaveLength(1_024);
  });

  it('links a slow request to its trace by an exemplar', async () => {
    const api = await start(collector.env());
    const { traceId, traceparent } = newTrace();
    await api.client.request('GET', '/v1/commands', undefined, { traceparent });
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';
    const response = await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`, { headers: { accept } });
    expect(response.headers.get('content-type')).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
    const text = await response.text();
    expect(text).toContain(`# {trace_id="${traceId}"}`);
    expect(text).toMatch(/\n# EOF\n$/);
  });
});
