import { type Server, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventSource } from 'eventsource';
import { createEventSource } from 'eventsource-client';
import {
  type ApiProcess,
  type HttpClient,
  Transcript,
  createProject,
  eventually,
  expectProblem,
  expectStatus,
  outputOf,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';
import { inBrowser } from '../support/browser.js';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.js';

/** Writes lines until a file with that name exists. */
const counting = (name: string) =>
  `i=0; until [ -e ${name} ]; do i=$((i + 1)); echo line $i; sleep 0.1; done; echo the end`;
const EVENTS = ['connected', 'status', 'output', 'gap', 'complete', 'heartbeat'];

describe('stream tickets', () => {
  let api: ApiProcess;
  let client: HttpClient;
  let project: string;
  let id: string;
  const tickets: string[] = [];

  beforeAll(async () => {
    api = await startApi();
    client = api.client;
    project = await createProject(client);
    ({ id } = await runCommand(client, project, 'echo done'));
  });
  afterAll(() => api.stop());

  const nobody = () => client.as(undefined);
  const pathOf = (command = id) => `/v1/commands/${command}/events`;
  const issue = async (by = client, path = pathOf()): Promise<{ ticket: string; url: string; expiresAt: string }> => {
    const { body } = expectStatus(await by.post('/v1/stream-tickets', { path }), 201);
    tickets.push(body.ticket);
    return body;
  };
  const newKey = async (grant: Record<string, unknown> = {}) => {
    const body = { name: 'browser', scopes: ['commands:read'], ...grant };
    return expectStatus(await client.post('/v1/keys', body), 201).body;
  };

  it('open their event stream without a key, repeatedly, on any replica', async () => {
    const { ticket, url, expiresAt } = await issue();
    expect(url).toBe(`${pathOf()}?ticket=${ticket}`);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
    const two = await startApi({ databaseUrl: api.databaseUrl, dataDir: api.dataDir, adminKey: api.adminKey });
    try {
      for (const replica of [api, two, api]) {
        const transcript = await new Transcript().read(await replica.client.as(undefined).sse(url));
        expect([transcript.text(), transcript.end.status]).toEqual(['done\n', 'succeeded']);
      }
    } finally {
      await two.stop();
    }
    // A client that has seen the end is told to stop.
    expectStatus(await nobody().get(url, { 'last-event-id': '5-0-end' }), 204);
  });

  it('open nothing else, and a key in the query opens nothing', async () => {
    const { ticket } = await issue();
    const other = (await runCommand(client, project, 'true')).id;
    for (const path of [
      pathOf(other),
      `/v1/commands/${id}`,
      `/v1/commands/${id}/output`,
      `/v1/commands/${id}/wait`,
      '/v1/commands',
      '/v1/keys/self',
      pathOf().replace('cmd_', 'cmd%5F'),
    ]) {
      const { instance } = expectProblem(await nobody().get(`${path}?ticket=${ticket}`), 401, 'UNAUTHENTICATED');
      expect(instance).toBe(path);
      expectProblem(await client.get(`${path}?ticket=${ticket}`), 401, 'UNAUTHENTICATED');
    }
    for (const path of [`${pathOf()}/`, pathOf().replace('/events', '/EVENTS')])
      expectProblem(await nobody().get(`${path}?ticket=${ticket}`), 404, 'NOT_FOUND');
    expectProblem(
      await nobody().post(`/v1/stream-tickets?ticket=${ticket}`, { path: pathOf() }),
      401,
      'UNAUTHENTICATED',
    );
    for (const query of [
      `ticket=${client.key!}`,
      `key=${client.key!}`,
      'ticket=',
      'ticket=rdevt_x',
      `ticket=${ticket}&ticket=${ticket}`,
      `ticket=${ticket}0`,
    ])
      expectProblem(await nobody().get(`${pathOf()}?${query}`), 401, 'UNAUTHENTICATED');
    expectStatus(await nobody().get(`${pathOf()}?ticket=${ticket}`), 200);
  });

  it('are limited to what the key itself may follow', async () => {
    const reader = client.as((await newKey({ projects: [project] })).secret);
    await issue(reader);
    const ask = (by: HttpClient, path: unknown = pathOf()) => by.post('/v1/stream-tickets', { path });
    const scopeless = client.as((await newKey({ scopes: ['commands:execute', 'keys:write'] })).secret);
    const problem = expectProblem(await ask(scopeless), 403, 'INSUFFICIENT_SCOPE');
    expect(problem.requiredScope).toBe('commands:read');
    const elsewhere = client.as((await newKey({ projects: ['other-*'] })).secret);
    expectProblem(await ask(elsewhere), 404, 'NOT_FOUND');
    expectProblem(await ask(nobody()), 401, 'UNAUTHENTICATED');
    expectProblem(await ask(client, pathOf('cmd_nothing')), 404, 'NOT_FOUND');
    for (const path of [`${pathOf()}?lastEventId=1-0`, `/v1/commands/${id}/output`, '/v1/keys', '', 7, null])
      expect(expectProblem(await ask(client, path), 400, 'INVALID_REQUEST').errors[0].pointer).toBe('#/path');
  });

  it.each<[string, Record<string, unknown> | null, number, string]>([
    ['is revoked', null, 401, 'KEY_REVOKED'],
    ['has expired', { expiresAt: new Date(0).toISOString() }, 401, 'KEY_EXPIRED'],
    ['loses the scope', { scopes: [] }, 403, 'INSUFFICIENT_SCOPE'],
    ['loses the project', { projects: [] }, 404, 'NOT_FOUND'],
    ['may not be used from here', { allowedIps: ['192.0.2.1'] }, 403, 'IP_NOT_ALLOWED'],
  ])('end when their key %s, and so do the streams that they opened', async (_case, patch, status, code) => {
    const { id: running } = await startCommand(client, project, 'sleep 60');
    const key = await newKey();
    const { url } = await issue(client.as(key.secret), pathOf(running));
    const stream = new Transcript().read(await nobody().sse(url));
    const since = performance.now();
    if (patch === null) expectStatus(await client.request('DELETE', `/v1/keys/${key.id}`), 204);
    else expectStatus(await client.request('PATCH', `/v1/keys/${key.id}`, patch), 200);
    expect((await stream).end).toBeUndefined();
    expect(performance.now() - since).toBeLessThan(2_000);
    expectProblem(await nobody().get(url), status, code);
    await client.post(`/v1/commands/${running}/cancel`, { graceSeconds: 0 });
  });

  describe('through unstable connections', () => {
    let site: Server;
    let proxy: TcpProxy;
    let base: string;

    /** Serves a page and the API from one origin: browsers only open streams of the page's own origin. */
    beforeAll(async () => {
      site = createServer((incoming, outgoing) => {
        if (incoming.url === '/') {
          outgoing.setHeader('content-type', 'text/html').end('<!doctype html><title>A page</title>');
          return;
        }
        const { method, headers, url } = incoming;
        const onward = httpRequest(`${api.baseUrl}${url!}`, { method: method!, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(outgoing).on('error', () => undefined);
          outgoing.on('close', () => answer.destroy());
        });
        onward.on('error', () => outgoing.destroy());
        incoming.pipe(onward);
      });
      await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
      proxy = await tcpProxy('127.0.0.1', (site.address() as AddressInfo).port);
      base = `http://127.0.0.1:${proxy.port}`;
    });
    afterAll(async () => {
      await proxy.close();
      site.close();
      site.closeAllConnections();
    });

    /** Breaks all connections, each time after all readers have reconnected; then lets the command end. */
    async function breakTwice(name: string, transcripts: () => Promise<readonly Transcript[]>): Promise<Transcript[]> {
      for (let times = 0; times < 2; times++) {
        const isReading = ({ names }: Transcript) =>
          names.filter((event) => event === 'connected').length > times && names.at(-1) === 'output';
        await eventually(async () => (await transcripts()).every(isReading), 30_000);
        proxy.cut();
        proxy.mend();
      }
      await runCommand(client, project, `touch ${name}`);
      await eventually(async () => (await transcripts()).every(({ end }) => end !== undefined), 30_000);
      return [...(await transcripts())];
    }

    async function expectWhole(transcripts: readonly Transcript[], command: string): Promise<void> {
      const output = (await outputOf(client, command)).toString();
      expect(output).toMatch(/line 9\n.*the end\n$/s);
      for (const transcript of transcripts) {
        expect([transcript.text(), transcript.end.status]).toEqual([output, 'succeeded']);
        expect(transcript.names.filter((name) => name === 'connected').length).toBeGreaterThan(2);
      }
    }

    it('last: eventsource and eventsource-client get every byte once, and stop at the end', async () => {
      const { id: command } = await startCommand(client, project, counting('stop-1'));
      const [standard, modern] = [new Transcript(), new Transcript()];
      const source = new EventSource(base + (await issue(client, pathOf(command))).url);
      for (const event of EVENTS) {
        source.addEventListener(event, ({ lastEventId, data }) => {
          standard.add({ id: lastEventId, event, data: JSON.parse(data) });
        });
      }
      const other = createEventSource({
        url: base + (await issue(client, pathOf(command))).url,
        onMessage: ({ id: lastId = '', event = '', data }) => {
          modern.add({ id: lastId, event, data: JSON.parse(data) });
        },
      });
      await expectWhole(await breakTwice('stop-1', async () => [standard, modern]), command);
      // The last reconnect gets 204, and then there are no more.
      await eventually(() => source.readyState === EventSource.CLOSED && other.readyState === 'closed', 20_000);
    });

    inBrowser('last: in a real browser', async (page) => {
      const { id: command } = await startCommand(client, project, counting('stop-2'));
      const { url } = await issue(client, pathOf(command));
      await page.goto(base);
      await page.evaluate(
        ([path, names]) => {
          const here = globalThis as any;
          here.seen = [];
          here.source = new here.EventSource(path);
          for (const event of names)
            here.source.addEventListener(event, ({ lastEventId, data }: any) => {
              here.seen.push({ id: lastEventId, event, data: JSON.parse(data) });
            });
        },
        [url, EVENTS] as const,
      );
      const transcript = async () => {
        const seen: any[] = await page.evaluate(() => (globalThis as any).seen);
        const read = new Transcript();
        for (const event of seen) read.add(event);
        return read;
      };
      await expectWhole(await breakTwice('stop-2', async () => [await transcript()]), command);
      await eventually(() => page.evaluate(() => (globalThis as any).source.readyState === 2), 20_000);
    });
  });

  it('are not logged', async () => {
    await eventually(() => api.logs.includes(pathOf()));
    expect(tickets.length).toBeGreaterThan(8);
    for (const ticket of tickets) expect(api.logs).not.toContain(ticket);
    expect(api.logs).not.toContain('ticket=');
  });
});
