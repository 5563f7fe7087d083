import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  type ApiProcess,
  createProject,
  eventually,
  expectStatus,
  percentile,
  rowsOf,
  startApi,
} from '../support/index.js';

const MESSAGES = 5_000;
const COMMANDS = 100;
/** Endpoints share the messages, as one has at most eight attempts at a time. */
const ENDPOINTS = 8;

/** How fast messages are delivered, and how soon after the end of a command. */
describe('webhooks', () => {
  let api: ApiProcess;
  let server: Server;
  let base: string;
  let count = 0;
  let isHanging = true;
  const endings = new Map<string, number>();
  const arrivals = new Map<string, number>();
  const hanging = new Set<ServerResponse>();

  beforeAll(async () => {
    api = await startApi({ env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.1' } });
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        if (request.url === '/hangs' && isHanging) {
          hanging.add(response);
          response.once('close', () => hanging.delete(response));
          return;
        }
        count++;
        arrivals.set(String(request.headers['webhook-id']), performance.now());
        const { type, data } = JSON.parse(body);
        if (type === 'command.succeeded') endings.set(data.commandId, Date.now());
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await api.stop();
    server.close();
  });

  const subscribe = async (path: string, events: string[], origin = base) =>
    expectStatus(await api.client.post('/v1/webhooks', { url: `${origin}${path}`, events }), 201).body.id as string;

  /** How long PostgreSQL has executed statements, all sessions together. */
  const activeMs = async (): Promise<number> =>
    (
      (await rowsOf(
        api.databaseUrl,
        'SELECT active_time AS ms FROM pg_stat_database WHERE datname = current_database()',
      )) as [{ ms: number }]
    )[0].ms;

  /** From the request to the arrival, one after the other. */
  const latencies = async (webhook: string): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < 250; i++) {
      const since = performance.now();
      const { body } = expectStatus(await api.client.post(`/v1/webhooks/${webhook}/test`), 202);
      await eventually(() => arrivals.has(body.messageId), 30_000, 1);
      all.push(arrivals.get(body.messageId)! - since);
    }
    return all;
  };

  it('are as soon there beside an endpoint that hangs', async () => {
    const [prompt, hangs] = [
      await subscribe('/prompt', ['webhook.test']),
      await subscribe('/hangs', ['webhook.test'], base.replace('127.0.0.1', 'localhost')),
    ];
    const [alone, beside]: [number[], number[]] = [[], []];
    await latencies(prompt);
    for (let round = 0; round < 4; round++) {
      alone.push(...(await latencies(prompt)));
      for (let i = 0; i < 20; i++) await api.client.post(`/v1/webhooks/${hangs}/test`);
      await eventually(() => hanging.size >= 8);
      beside.push(...(await latencies(prompt)));
      for (const response of hanging) response.writeHead(204).end();
      isHanging = false;
      await eventually(
        async () => (await api.client.get(`/v1/webhooks/${hangs}/deliveries?status=pending`)).body.data.length === 0,
        60_000,
      );
      isHanging = true;
    }
    const ms = (values: number[], q: number) => percentile(values, q).toFixed(1);
    process.stderr.write(
      `alone: p50 ${ms(alone, 0.5)} ms, p99 ${ms(alone, 0.99)} ms; beside an endpoint that hangs: p50 ${ms(beside, 0.5)} ms, p99 ${ms(beside, 0.99)} ms\n`,
    );
  }, 300_000);

  it('arrive soon after the end of a command', async () => {
    await subscribe('/ended', ['command.succeeded']);
    const project = await createProject(api.client);
    const delays: number[] = [];
    for (let i = 0; i < COMMANDS; i++) {
      const { body } = await api.client.post(`/v1/projects/${project}/commands`, { type: 'exec', argv: ['true'] });
      await eventually(() => endings.has(body.id), 10_000, 1);
      const { endedAt } = (await api.client.get(`/v1/commands/${body.id}`)).body;
      delays.push(endings.get(body.id)! - Date.parse(endedAt));
    }
    process.stderr.write(
      `from a command's end to the receiver: p50 ${percentile(delays, 0.5)} ms, p99 ${percentile(delays, 0.99)} ms\n`,
    );
  });

  it('are delivered in numbers', async () => {
    const ids = await Promise.all(
      Array.from({ length: ENDPOINTS }, (_, i) => subscribe(`/many-${i}`, ['webhook.test'])),
    );
    const client = new pg.Client({ connectionString: api.databaseUrl });
    await client.connect();
    const before = await activeMs();
    count = 0;
    const since = performance.now();
    await client.query(
      `INSERT INTO deliveries (id, webhook_id, message_id, type, body, status, attempt_count, next_attempt_at, created_at)
       SELECT 'dlv_bench-' || i, ($1::text[])[1 + i % ${ENDPOINTS}], 'evt_' || i, 'webhook.test', '{"type":"webhook.test","data":{}}',
         'pending', 0, now(), now() FROM generate_series(1, ${MESSAGES}) AS i`,
      [ids],
    );
    await client.end();
    await eventually(() => count >= MESSAGES, 120_000, 5);
    const seconds = (performance.now() - since) / 1_000;
    // Sessions report their statistics when they have been idle for a moment.
    await delay(2_000);
    const inDatabase = ((await activeMs()) - before) / 1_000;
    process.stderr.write(
      `${Math.round(MESSAGES / seconds)} deliveries per second; PostgreSQL executes statements for ${inDatabase.toFixed(2)} s of ${seconds.toFixed(2)} s, ` +
        `${((inDatabase / MESSAGES) * 1_000).toFixed(2)} ms for each delivery\n`,
    );
  });
});
