import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
  const endings = new Map<string, number>();

  beforeAll(async () => {
    api = await startApi({ env: { WEBHOOK_ALLOWED_CIDRS: '127.0.0.1' } });
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        count++;
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

  const subscribe = async (path: string, events: string[]) =>
    expectStatus(await api.client.post('/v1/webhooks', { url: `${base}${path}`, events }), 201).body.id as string;

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
    const [{ ms }] = (await rowsOf(
      api.databaseUrl,
      `SELECT coalesce(sum(blk_read_time + blk_write_time), 0) AS ms FROM pg_stat_database WHERE datname = current_database()`,
    )) as [{ ms: number }];
    process.stderr.write(`${Math.round(MESSAGES / seconds)} deliveries per second (I/O of the database: ${ms} ms)\n`);
  });
});
