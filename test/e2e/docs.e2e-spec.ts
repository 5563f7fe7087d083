import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inBrowser } from '../support/browser.js';
import {
  type ApiProcess,
  HttpClient,
  createProject,
  eventually,
  expectStatus,
  startApi,
  startCommand,
} from '../support/index.js';
import { type Block, blocksOf, pages } from '../support/markdown-blocks.js';
import { typePage } from '../support/typed-page.js';

/** An rdev as started by `npm start`: with its own data directory, PostgreSQL and admin key. */
describe('a new user', () => {
  let api: ApiProcess;
  let home: string;
  let client: HttpClient;
  let site: Server;
  let page = '';
  beforeAll(async () => {
    site = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page));
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    home = await mkdtemp(join(tmpdir(), 'rdev-docs-'));
    await mkdir(join(home, '.rdev'));
    api = await startApi({
      dataDir: join(home, '.rdev'),
      env: { DATABASE_URL: undefined, RDEV_ADMIN_KEY: undefined, CORS_ORIGINS: siteUrl() },
    });
    client = new HttpClient(api.baseUrl, await api.generatedAdminKey());
  });
  afterAll(async () => {
    await api.stop();
    site.close();
    site.closeAllConnections();
    await rm(home, { recursive: true, force: true, maxRetries: 10 });
  });

  const siteUrl = () => `http://127.0.0.1:${(site.address() as AddressInfo).port}`;

  describe('sending the examples of the OpenAPI document', () => {
    afterAll(async () => {
      for (const id of ['hello', 'hello-2']) await client.request('DELETE', `/v1/projects/${id}`);
    });

    it('gets no error', async () => {
      const { paths, tags } = (await client.get('/openapi.json')).body;
      const order = tags.map(({ name }: any) => name);
      const operations = Object.entries<any>(paths)
        .flatMap(([path, methods]) =>
          Object.entries<any>(methods).map(([method, operation]) => ({ path, method, operation })),
        )
        .filter(({ operation }) => operation.requestBody !== undefined)
        .sort((a, b) => order.indexOf(a.operation.tags[0]) - order.indexOf(b.operation.tags[0]));
      expect(operations.length).toBeGreaterThan(10);
      for (const { path, method, operation } of operations) {
        const [[type, { examples }] = ['', {}]] = Object.entries<any>(operation.requestBody.content);
        for (const { value } of Object.values<any>(examples)) {
          const target = path.replace(/\{\w+\}/, await idFor(path));
          const { status, text } = await client.request(method.toUpperCase(), target, value, { 'content-type': type });
          if (status >= 300) throw new Error(`${method} ${target} ${JSON.stringify(value)}: ${text}`);
          await client.post('/v1/projects/hello/queue/resume');
        }
      }
    });

    /** An existing resource that the example can be sent to. */
    async function idFor(path: string): Promise<string> {
      if (path.startsWith('/v1/projects')) return 'hello';
      if (path.startsWith('/v1/keys'))
        return expectStatus(await client.post('/v1/keys', { name: 'x', scopes: [] }), 201).body.id;
      if (path.startsWith('/v1/webhooks')) {
        const { body } = await client.post('/v1/webhooks', { url: 'https://example.com/', events: ['webhook.test'] });
        return body.id;
      }
      if (!path.startsWith('/v1/commands')) return '';
      if (path === '/v1/commands/{id}') await client.post('/v1/projects/hello/queue/pause');
      const { id } = await startCommand(client, 'hello', { script: 'cat', stdin: 'open' });
      if (path !== '/v1/commands/{id}')
        await eventually(async () => (await client.get(`/v1/commands/${id}`)).body.status === 'running');
      return id;
    }
  });

  it('who follows the README gets the output it shows', () => follow('README.md'));

  it('who continues with the other pages gets the output they show', async () => {
    for (const page of await pages()) await follow(page);
  });

  inBrowser('who embeds the page of docs/guides/streaming.md sees the output', async (tab) => {
    const [, html = ''] = /^```html\n(.*?)^```$/ms.exec(await readFile('docs/guides/streaming.md', 'utf8')) ?? [];
    const project = await createProject(client);
    const { id } = await startCommand(
      client,
      project,
      "for i in 1 2 3; do echo line $i; sleep 0.2; done; printf '\\377'",
    );
    const { body } = await client.post('/v1/stream-tickets', { path: `/v1/commands/${id}/events` });
    page = `<!doctype html><script>stream = ${JSON.stringify({ url: body.url, api: api.baseUrl })}</script>${html}`;
    await tab.goto(siteUrl());
    await eventually(async () => (await tab.title()) === 'succeeded', 30_000);
    expect(await tab.textContent('#output')).toBe('line 1\nline 2\nline 3\n\u00ff');
  });

  /** Runs a page in one shell, as a reader does. Other pages assume the variables that the README sets first. */
  async function follow(file: string): Promise<void> {
    const [settings] = await runnable('README.md');
    await typePage(file, await runnable(file), home, file === 'README.md' ? '' : settings?.script);
  }

  const runnable = async (file: string): Promise<Block[]> =>
    blocksOf(await readFile(file, 'utf8'))
      .filter(({ notRun }) => notRun === null)
      .map((block) => ({ ...block, script: here(block.script) }));

  const here = (script: string): string =>
    script
      .replaceAll('http://127.0.0.1:8080', api.baseUrl)
      .replaceAll('http://127.0.0.1:9464', `http://127.0.0.1:${api.metricsPort}`);
});
