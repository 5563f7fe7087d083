import { once } from 'node:events';
import { type IncomingMessage, get as httpGet } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventSource } from 'eventsource';
import {
  type ApiProcess,
  HttpClient,
  Transcript,
  createProject,
  ended,
  eventually,
  expectProblem,
  expectStatus,
  newKey,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';
import { inBrowser } from '../support/browser.js';
import { Proxy, type ProxyName, documented } from './proxies.js';

const PUBLIC_URL = 'https://rdev.example/rdev';
const NAMES: readonly ProxyName[] = ['nginx', 'haproxy', 'caddy', 'apache', 'vcl'];

describe('behind proxies', () => {
  let directory: string;
  let replicas: ApiProcess[] = [];
  let project: string;
  const proxies: Proxy[] = [];
  const started = new Map<ProxyName, Proxy>();

  const ports = () => replicas.map(({ port }) => port);
  const start = async (name: ProxyName, config: string): Promise<Proxy> => {
    const proxy = await Proxy.start(name, config, ports());
    proxies.push(proxy);
    return proxy;
  };
  /** Of the API behind the proxy, with a path before it. */
  const through = ({ baseUrl }: Proxy, key: string | undefined): Through => new Through(baseUrl, key);
  const behind = (name: ProxyName): Through => through(started.get(name)!, replicas[0]!.adminKey);

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rdev-proxies-'));
    const env = { RDEV_PUBLIC_URL: PUBLIC_URL, TRUST_PROXY: '1' };
    const first = await startApi({ dataDir: directory, adminKey: newKey(), env });
    replicas = [first];
    const { databaseUrl, adminKey } = first;
    replicas.push(await startApi({ dataDir: directory, databaseUrl, adminKey, env }));
    project = await createProject(first.client);
    for (const name of NAMES) started.set(name, await start(name, await documented(name)));
  });
  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    for (const replica of [...replicas].reverse()) await replica.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  });

  describe.each(NAMES)('%s, as documented,', (name) => {
    it('passes on events as they come, and the whole stream', async () => {
      const client = behind(name);
      const on = `on-${name}`;
      const script = `echo first; until [ -e ${on} ]; do sleep 0.02; done; seq 1 20000`;
      const { id } = await startCommand(client, project, script);
      const transcript = new Transcript();
      await transcript.read(await client.sse(`/v1/commands/${id}/events`), ({ event }) => event === 'output');
      await startCommand(client, project, `touch ${on}`);
      const { lastEventId } = transcript;
      await transcript.read(await client.sse(`/v1/commands/${id}/events`, { lastEventId: lastEventId! }));
      const { result } = await ended(client, id);
      expect([transcript.end.status, transcript.bytes('stdout').length]).toEqual(['succeeded', result.stdoutBytes]);
    });

    it('passes on raw output as it comes', async () => {
      const client = behind(name);
      const on = `raw-${name}`;
      const { id } = await startCommand(
        client,
        project,
        `echo first; until [ -e ${on} ]; do sleep 0.02; done; echo last`,
      );
      const response = await fetch(`${client.url}/v1/commands/${id}/output?follow=true`, { headers: client.headers });
      let text = '';
      for await (const chunk of response.body!) {
        text += Buffer.from(chunk).toString();
        if (text === 'first\n') await startCommand(client, project, `touch ${on}`);
      }
      expect(text).toBe('first\nlast\n');
    });

    it('shows that an answer lacks bytes, unless the documentation says otherwise', async () => {
      const client = behind(name);
      const { id, result } = await runCommand(client, project, { script: 'seq 1 100000', maxOutputBytes: 1000 });
      const { status, bytes, isWhole, headers } = await client.bytes(`/v1/commands/${id}/output?follow=true`);
      // Of an answer that breaks as soon as it begins, a proxy may pass on less, or only its own that it is broken.
      if (status === 200) {
        expect(bytes.length).toBeLessThanOrEqual(1000);
        expect(isWhole).toBe(name === 'caddy');
        expect(headers['rdev-missing']).toBe(`1000-${result.stdoutBytes}`);
      } else expect(status).toBeGreaterThanOrEqual(502);
      const trailers = await client.trailers(`/v1/commands/${id}/output?follow=true`);
      if (name === 'haproxy') expect(trailers).toMatchObject({ 'rdev-complete': 'false' });
      else expect(trailers).toEqual(name === 'caddy' ? {} : null);
    });

    it('takes the path away, and answers name it', async () => {
      const client = behind(name);
      const created = await client.post(`/v1/projects/${project}/commands`, { type: 'shell', script: 'true' });
      expect(created.headers.location).toBe(`${PUBLIC_URL}/v1/commands/${created.body.id}`);
      expectStatus(await client.get(String(created.headers.location).slice(PUBLIC_URL.length)), 200);
      const page = await fetch(`${client.url}/docs/`);
      expect([page.status, page.url]).toEqual([200, `${client.url}/docs`]);
      const assets = [...(await page.text()).matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, path]) => path!);
      expect(assets.length).toBeGreaterThan(4);
      for (const path of assets) expect((await fetch(new URL(path, page.url))).status).toBe(200);
      const document: any = await (await fetch(`${client.url}/openapi.json`)).json();
      for (const url of [page.url, `${client.url}/openapi.json`])
        expect(new URL(document.servers[0].url, url).href).toBe(`${client.url}/`);
    });

    it('lets no client forge its address', async () => {
      const client = behind(name);
      const key = await client.post('/v1/keys', { name: 'there', scopes: [], allowedIps: ['192.0.2.1'] });
      for (const forged of [{}, { 'x-forwarded-for': '192.0.2.1' }, { 'x-forwarded-for': '192.0.2.1, 127.0.0.1' }])
        expectProblem(await client.with(key.body.secret).get('/v1/keys/self', forged), 403, 'IP_NOT_ALLOWED');
      const self = await client.post('/v1/keys', { name: 'here', scopes: [], allowedIps: ['127.0.0.1'] });
      expectStatus(await client.with(self.body.secret).get('/v1/keys/self'), 200);
    });
  });

  describe.each<[string, ProxyName, (config: string) => string]>([
    ['varnish as it comes', 'vcl', (config) => config.replace('return (pass);', '')],
    [
      'nginx with a cache',
      'nginx',
      (config) => config.replace('proxy_pass ', 'proxy_cache cache; proxy_cache_valid any 1h; proxy_pass '),
    ],
  ])('%s', (_name, name, change) => {
    it('gives no answer of one client to another, and none twice', async () => {
      const proxy = await start(name, change(await documented(name)));
      const { adminKey } = replicas[0]!;
      const script = 'until [ -e cached ]; do sleep 0.02; done';
      await runCommand(replicas[0]!.client, project, 'rm -f cached');
      const { id } = await startCommand(replicas[0]!.client, project, script);
      const ask = async (path: string, key?: string) => {
        const headers: Record<string, string> = key === undefined ? {} : { 'x-api-key': key };
        return fetch(`${proxy.baseUrl}/rdev${path}`, { headers });
      };
      for (const path of ['/v1/keys/self', `/v1/commands/${id}`, `/v1/commands/${id}/output`, '/v1/projects']) {
        expect((await ask(path, adminKey)).status).toBe(200);
        expect((await ask(path)).status).toBe(401);
        expect((await ask(path, newKey())).status).toBe(401);
        expect((await ask(path, adminKey)).status).toBe(200);
      }
      const status = async () => ((await (await ask(`/v1/commands/${id}`, adminKey)).json()) as any).status;
      await eventually(async () => (await status()) === 'running');
      await runCommand(replicas[0]!.client, project, 'touch cached');
      await ended(replicas[0]!.client, id);
      expect(await status()).toBe('succeeded');
    });
  });

  it('nginx that speaks HTTP/1.0 shows as well that an answer lacks bytes', async () => {
    const config = (await documented('nginx')).replace('proxy_http_version 1.1;', '');
    const client = through(await start('nginx', config), replicas[0]!.adminKey);
    const { id } = await runCommand(client, project, { script: 'seq 1 100000', maxOutputBytes: 1000 });
    const { bytes, isWhole } = await client.bytes(`/v1/commands/${id}/output?follow=true`);
    expect([bytes.length, isWhole]).toEqual([1000, false]);
    const whole = await runCommand(client, project, 'echo whole');
    expect(await client.bytes(`/v1/commands/${whole.id}/output?follow=true`)).toMatchObject({ isWhole: true });
  });

  it('nginx behind nginx passes on events as they come', async () => {
    const inner = started.get('nginx')!;
    const config = (await documented('nginx'))
      .replaceAll(/10\.0\.0\.1[12]:8080/g, `127.0.0.1:${inner.port}`)
      .replace('http://rdev/', 'http://rdev/rdev/');
    const client = through(await start('nginx', config), replicas[0]!.adminKey);
    const { id } = await startCommand(client, project, 'echo first; until [ -e nested ]; do sleep 0.02; done');
    const transcript = new Transcript();
    await transcript.read(await client.sse(`/v1/commands/${id}/events`), ({ event }) => event === 'output');
    expect(transcript.text()).toBe('first\n');
    await runCommand(client, project, 'touch nested');
  });

  inBrowser('Swagger UI calls the API with the path before it, in a real browser', async (page) => {
    const { url } = behind('nginx');
    await page.goto(`${url}/docs/`);
    const operation = page.locator('.opblock', { has: page.locator('[data-path="/health"]') });
    await operation.locator('.opblock-summary-control').click();
    const asked = page.waitForResponse((response) => response.url().endsWith('/health'));
    await operation.getByRole('button', { name: 'Execute' }).click();
    const response = await asked;
    expect([response.url(), response.status()]).toEqual([`${url}/health`, 200]);
  });

  it('last: an EventSource follows a command while its replicas are replaced, one after the other', async () => {
    const direct = replicas[0]!.client;
    const script = 'i=0; until [ -e replaced ]; do i=$((i + 1)); echo line $i; sleep 0.1; done; echo end';
    const { id } = await startCommand(direct, project, script);
    // Varnish has one replica in the documentation.
    const followers = await Promise.all(NAMES.filter((name) => name !== 'vcl').map((name) => follow(behind(name), id)));
    try {
      for (const replica of replicas) {
        await eventually(() => followers.every((follower) => follower.isOpen));
        await replica.restart('SIGTERM');
      }
      await eventually(() => followers.every((follower) => follower.isOpen));
      await runCommand(direct, project, 'touch replaced');
      const { result } = await ended(direct, id);
      await eventually(() => followers.every(({ transcript }) => transcript.end !== undefined));
      for (const { transcript } of followers) {
        expect(transcript.bytes('stdout')).toHaveLength(result.stdoutBytes);
        expect(transcript.gaps).toEqual([]);
      }
      expect(followers.some(({ connections }) => connections > 1)).toBe(true);
    } finally {
      for (const { source } of followers) source.close();
    }
  });

  /** By a ticket, as a browser does. */
  async function follow(client: Through, id: string) {
    const { body } = expectStatus(await client.post('/v1/stream-tickets', { path: `/v1/commands/${id}/events` }), 201);
    const source = new EventSource(String(body.url).replace(PUBLIC_URL, client.url));
    const follower = {
      source,
      transcript: new Transcript(),
      connections: 0,
      get isOpen() {
        if (source.readyState === EventSource.CLOSED) throw new Error('It gave up.');
        return source.readyState === EventSource.OPEN;
      },
    };
    for (const event of ['connected', 'output', 'complete'])
      source.addEventListener(event, ({ lastEventId, data }: { lastEventId: string; data: string }) => {
        if (event === 'connected') follower.connections++;
        follower.transcript.add({ id: lastEventId, event, data: JSON.parse(data) });
      });
    return follower;
  }
});

/** A client whose API is at /rdev. */
class Through extends HttpClient {
  get url(): string {
    return `${this.baseUrl}/rdev`;
  }

  get headers(): Record<string, string> {
    return { authorization: `Bearer ${this.key!}` };
  }

  with(key: string): Through {
    return new Through(this.baseUrl, key);
  }

  override request(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) {
    return super.request(method, `/rdev${path}`, body, headers);
  }

  override bytes(path: string) {
    return super.bytes(`/rdev${path}`);
  }

  override sse(path: string, options?: Parameters<HttpClient['sse']>[1]) {
    return super.sse(`/rdev${path}`, options);
  }

  /** Of a request that says that it looks at them; null if the answer breaks. */
  async trailers(path: string): Promise<IncomingMessage['trailers'] | null> {
    const headers = { ...this.headers, te: 'trailers', connection: 'TE, close' };
    const [response] = (await once(httpGet(this.url + path, { headers, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    response.on('error', () => undefined);
    await new Promise((resolve) => response.resume().once('close', resolve));
    return response.complete ? { ...response.trailers } : null;
  }
}
