import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiProcess, eventually, expectProblem, expectStatus, freePort, startApi } from '../support/index.js';

describe('starting', () => {
  const started: ApiProcess[] = [];
  const directories: string[] = [];
  const start = async (options: Parameters<typeof startApi>[0]) => {
    const api = await startApi(options);
    started.push(api);
    return api;
  };
  const directory = async () => {
    const dir = await mkdtemp(join(tmpdir(), 'rdev-start-'));
    directories.push(dir);
    return dir;
  };
  /** Starts an API that cannot start; returns its output. */
  const fail = async (env: Record<string, string | undefined>) => {
    const api = await start({ env, waitUntilReady: false });
    await eventually(() => !api.isRunning, 60_000);
    expect(await api.kill()).toBe(1);
    return api.logs;
  };
  afterEach(async () => {
    for (const api of started.splice(0)) await api.stop();
    for (const dir of directories.splice(0)) await rm(dir, { recursive: true, force: true });
  });

  it.each([
    ['PORT', 'http', '65536'],
    ['RDEV_RUNTIME', 'docker', 'auto'],
    ['DATABASE_URL', 'mysql://root:s3cret@localhost/x', ''],
    ['CONCURRENT_COMMANDS', '0', ''],
    ['RDEV_OUTPUT_LIMIT_BYTES', '-1', ''],
    ['RDEV_NAMESPACE', 'Not_A_Label', ''],
    ['TRUST_PROXY', 'everybody', ''],
    ['HOST', '0.0.0.0', ''],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', ''],
    ['OTEL_EXPORTER_OTLP_HEADERS', 's3cret', ''],
    ['OTEL_TRACES_SAMPLER_ARG', '2', ''],
  ])('with an invalid value fails and reports the variable, but not the value: %s', async (name, value) => {
    const logs = await fail({ [name]: value });
    expect(logs).toMatch(new RegExp(`^ *${name} `, 'm'));
    expect(logs).not.toContain('s3cret');
    expect(logs).not.toMatch(/^\s+at /m);
    expect(logs).not.toContain('is ready');
  });

  it('reports all invalid variables together', async () => {
    const logs = await fail({ PORT: 'x', RDEV_MAX_QUEUED: 'y', RDEV_RUNTIME: 'z' });
    for (const name of ['PORT', 'RDEV_MAX_QUEUED', 'RDEV_RUNTIME']) expect(logs).toContain(name);
  });

  it('on a port in use fails with an error and exit code 1', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      for (const variable of ['PORT', 'METRICS_PORT']) {
        const logs = await fail({ [variable]: String(port) });
        expect(logs).toContain(`Port ${port}`);
        expect(logs).toContain(`another port with ${variable}.`);
        expect(logs).not.toMatch(/^\s+at /m);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('on the port of another rdev does not affect that one', async () => {
    const first = await start({});
    expect(first.logs).toMatch(new RegExp(`"port":${first.port},.*"The API is served"`));
    const logs = await fail({ PORT: String(first.port) });
    expect(logs).toContain(`Port ${first.port}`);
    expect((await first.client.get('/ready')).status).toBe(200);
  });

  it('without a reachable database fails with exit code 1, and does not print the password', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const logs = await fail({ DATABASE_URL: `postgres://rdev:s3cret@${address}/rdev` });
    expect(logs).toBe(`The database does not answer: connect ECONNREFUSED ${address}\n`);
  });

  describe('with an unreachable cluster', () => {
    it('succeeds; /ready reports the runtime, and commands are refused with an explanation', async () => {
      const dir = await directory();
      const kubeconfig = join(dir, 'kubeconfig');
      const server = `https://127.0.0.1:${await freePort()}`;
      await writeFile(
        kubeconfig,
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
          users: [{ name: 'u', user: { token: 's3cret' } }],
          contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
          'current-context': 'x',
        }),
      );
      const api = await start({ env: { RDEV_RUNTIME: 'kubernetes', KUBECONFIG: kubeconfig }, waitUntilReady: false });
      const { body } = await eventually(async () => {
        const response = await api.client.get('/ready');
        return response.status === 200 && response;
      }, 60_000);
      expect(body).toMatchObject({
        status: 'degraded',
        details: {
          database: { status: 'up' },
          migrations: { status: 'up' },
          runtime: { status: 'down' },
        },
      });
      expect(JSON.stringify(body)).not.toContain('reason');
      const { body: system } = expectStatus(await api.client.get('/v1/system'), 200);
      expect(system).toMatchObject({ parts: { runtime: { status: 'down', reason: expect.stringMatching(/./) } } });
      const circuit = async () => (await api.client.get('/v1/system')).body.circuits.kubernetes;
      const { openSince } = await eventually(async () => {
        const { state, openSince } = await circuit();
        return state !== 'closed' && { openSince };
      }, 60_000);
      expect(Date.parse(openSince)).toBeLessThanOrEqual(Date.now());
      const { circuits } = (await api.client.as(undefined).get('/ready')).body;
      expect(circuits).toEqual({ kubernetes: expect.stringMatching(/^(half_)?open$/) });
      const metrics = await (await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`)).text();
      expect(metrics).toMatch(/^rdev_circuit_state\{circuit="kubernetes"\} [12]$/m);
      expectStatus(await api.client.get('/health'), 200);
      const refused = await api.client.post('/v1/projects/web/commands', { type: 'shell', script: 'true' });
      expectProblem(refused, 503, 'CLUSTER_UNAVAILABLE');
      expectProblem(await api.client.get('/v1/projects'), 503, 'CLUSTER_UNAVAILABLE');
      expectStatus(await api.client.get('/v1/keys/self'), 200);
      expect(api.isRunning).toBe(true);
      await eventually(() => api.logs.includes('rdev listens at'));
      expect(api.logs).not.toContain('is ready');
      expect(api.logs).toContain(`namespace default at ${server}\n`);
      expect(api.logs).toContain('Keys, stored commands');
      expect(api.logs).not.toContain('s3cret');
    });

    it.each([
      ['missing', null],
      ['no YAML', '{{{'],
    ])('and a kubeconfig that is %s fails, and reports it', async (_name, text) => {
      const kubeconfig = join(await directory(), 'kubeconfig');
      if (text !== null) await writeFile(kubeconfig, text);
      const logs = await fail({ RDEV_RUNTIME: 'kubernetes', KUBECONFIG: kubeconfig });
      expect(logs).toBe(
        `RDEV_RUNTIME=kubernetes needs a cluster: the kubeconfig "${kubeconfig}" cannot be ${text ? 'parsed' : 'read: ENOENT'}. ` +
          'Set KUBECONFIG to a kubeconfig file, or RDEV_RUNTIME=local to run commands on this machine.\n',
      );
    });
  });
});

describe('health', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  it("is covered by a dashboard and alerts that use existing metrics, and all of rdev's own", async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`)).text();
    const exported = [...metrics.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name!);
    const chart = ['helm/rdev/dashboards/rdev.json', 'helm/rdev/templates/prometheusrule.yaml'];
    const texts = await Promise.all(chart.map((file) => readFile(file, 'utf8')));
    const asked = texts.flatMap((text) => text.match(/\b(?:rdev|http|nodejs|process)_\w+(?=\{)/g) ?? []);
    const names = new Set(asked.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    expect([...names].filter((name) => !exported.includes(name))).toEqual([]);
    expect(exported.filter((name) => /^(rdev|http)_/.test(name) && !names.has(name))).toEqual([]);
  });

  it('counts look-ups in caches', async () => {
    const scrape = async () => (await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`)).text();
    const hits = async () =>
      Number(/^rdev_cache_lookups_total\{cache="keys",result="hit"\} (\d+)$/m.exec(await scrape())![1]);
    await api.client.get('/v1/keys/self');
    const before = await hits();
    for (let i = 0; i < 3; i++) expectStatus(await api.client.get('/v1/keys/self'), 200);
    expect(await hits()).toBeGreaterThan(before);
    expect(await scrape()).toMatch(/^rdev_cache_entries\{cache="keys"\} [1-9]\d*$/m);
  });

  it('is public', async () => {
    const { status, body } = await api.client.as(undefined).get('/health');
    expect({ status, body }).toEqual({ status: 200, body: { status: 'ok' } });
  });

  it('is told in detail to an operator', async () => {
    const { body } = expectStatus(await api.client.get('/v1/system'), 200);
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(body).toMatchObject({ version, circuits: {}, leases: { commands: [], projects: expect.any(Array) } });
    expect(body.replicas).toEqual([
      { name: hostname(), connectedAt: expect.any(String), heartbeatAt: expect.any(String) },
    ]);
    const { heartbeatAt } = body.replicas[0];
    await eventually(async () => (await api.client.get('/v1/system')).body.replicas[0].heartbeatAt > heartbeatAt);
    expect(body.webhooks).toEqual({ pending: 0, lateSeconds: 0, openCircuits: 0 });
    expect(body.events.pendingSeconds).toBeGreaterThanOrEqual(0);
    expect(body.events.readers).toContainEqual({ name: 'webhooks', behind: expect.any(Number) });
    for (const table of ['commands', 'command_output', 'events']) {
      const { count, from, to } = body.partitions[table];
      expect(count).toBeGreaterThan(2);
      expect(Date.parse(from)).toBeLessThan(Date.now());
      expect(Date.parse(to)).toBeGreaterThan(Date.now());
    }
  });

  it('is reported for each component', async () => {
    const { status, body } = await api.client.as(undefined).get('/ready');
    const up = { status: 'up' };
    expect({ status, body }).toEqual({
      status: 200,
      body: { status: 'ok', details: { database: up, migrations: up, runtime: up } },
    });
  });
});
