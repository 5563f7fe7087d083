import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import {
  type ApiProcess,
  type TestDatabase,
  createTestDatabase,
  eventually,
  expectStatus,
  newKey,
  percentile,
  rowsOf,
  seededRandom,
  startApi,
} from '../support/index.js';
import { THOROUGH } from '../support/thorough.js';

const COUNT = THOROUGH ? 2_000 : 100;
const KILLS = THOROUGH ? 4 : 2;
const SEED = Number(process.env.WEBHOOK_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe('webhooks, while everything fails', () => {
  let database: TestDatabase;
  /** Two origins. */
  const servers: Server[] = [];
  const bases: string[] = [];
  let respond: (id: string, response: ServerResponse, path: string) => void;
  const apis: ApiProcess[] = [];
  /** How often each message arrived and was accepted, by its `webhook-id`, for each path. */
  const accepted = new Map<string, Map<string, number>>();
  const arrivedAt = new Map<string, number>();

  beforeAll(async () => {
    database = await createTestDatabase();
    for (let i = 0; i < 2; i++) {
      const server = createServer((request, response) => {
        const id = String(request.headers['webhook-id']);
        request.resume().on('end', () => respond(id, response, request.url ?? ''));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      bases.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
    const adminKey = newKey();
    const env = { WEBHOOK_ALLOWED_CIDRS: '127.0.0.1' };
    for (let i = 0; i < 2; i++) apis.push(await startApi({ databaseUrl: database.url, adminKey, env }));
  });
  afterAll(async () => {
    for (const api of apis) await api.stop();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    await database.drop();
  });

  const accept = (id: string, response: ServerResponse, path: string): void => {
    const of = accepted.get(path) ?? new Map<string, number>();
    accepted.set(path, of.set(id, (of.get(id) ?? 0) + 1));
    arrivedAt.set(`${path} ${id}`, Date.now());
    response.writeHead(204).end();
  };
  const subscribe = async (path: string, events: string[], base = bases[0]!) =>
    expectStatus(await apis[0]!.client.post('/v1/webhooks', { url: `${base}${path}`, events }), 201).body.id as string;

  /** Adds facts as the API does, in one transaction, which is rolled back if told so. */
  async function addFacts(ids: readonly string[], projectId: string, commit = true): Promise<void> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO pending_events (event_id, type, project_id, target, outcome, actor, data)
       SELECT id, 'command.ended', $2, id, 'succeeded', '{}', '{"status":"succeeded","result":{"exitCode":0}}' FROM unnest($1::text[]) AS id`,
      [ids, projectId],
    );
    await client.query(commit ? 'COMMIT' : 'ROLLBACK');
    await client.end();
  }

  it(`arrive at least once, none invented and none of a rolled-back transaction, while all replicas are killed (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const refusals = new Map<string, number>();
    respond = (id, response, path) => {
      const count = refusals.get(id) ?? 0;
      if (count < 2 && random() < 0.1) {
        refusals.set(id, count + 1);
        if (random() < 0.5) response.destroy();
        else response.writeHead(500).end('not now');
      } else accept(id, response, path);
    };
    await subscribe('/chaos', ['command.succeeded']);
    const known: string[] = [];
    const killing = (async () => {
      for (let i = 0; i < KILLS; i++) {
        await delay(300 + random() * 1_500);
        await Promise.all(apis.map((api) => api.kill('SIGKILL')));
        await Promise.all(apis.map((api) => api.start()));
      }
    })();
    for (let i = 0; i < COUNT; i += 10) {
      const ids = Array.from({ length: 10 }, (_, j) => `evt_fact-${i + j}`);
      const isCommitted = random() < 0.8;
      await addFacts(ids, 'web', isCommitted);
      if (isCommitted) known.push(...ids);
      await delay(5);
    }
    await killing;
    const of = () => accepted.get('/chaos') ?? new Map<string, number>();
    await eventually(() => known.every((id) => of().has(id)), 110_000, 200);
    expect([...of().keys()].filter((id) => !known.includes(id))).toEqual([]);
    const twice = [...of().values()].filter((count) => count > 1).length;
    process.stderr.write(
      `${known.length} messages, ${twice} of them more than once, ${refusals.size} refused at first\n`,
    );
    // Only attempts that were under way in a kill can be repeated: at most 64 on each replica.
    expect(twice).toBeLessThanOrEqual(KILLS * 2 * 64);
    const states = await eventually(async () => {
      const rows = await rowsOf(database.url, 'SELECT status, count(*)::int AS count FROM deliveries GROUP BY status');
      return rows.length === 1 && rows;
    }, 60_000);
    expect(states).toEqual([{ status: 'delivered', count: known.length }]);
  }, 180_000);

  it('of an endpoint that hangs do not make those of others late', async () => {
    const hanging = new Set<ServerResponse>();
    respond = (id, response, path) => {
      if (path !== '/hangs') {
        accept(id, response, path);
        return;
      }
      hanging.add(response);
      response.once('close', () => hanging.delete(response));
    };
    const prompt = await subscribe('/prompt', ['webhook.test']);
    const hangs = await subscribe('/hangs', ['webhook.test'], bases[1]);
    const send = async (webhook: string) =>
      expectStatus(await apis[0]!.client.post(`/v1/webhooks/${webhook}/test`), 202).body.messageId as string;
    const latencies = async () => {
      const all: number[] = [];
      for (let i = 0; i < 30; i++) {
        const since = Date.now();
        const id = await send(prompt);
        await eventually(() => arrivedAt.has(`/prompt ${id}`), 30_000, 2);
        all.push(arrivedAt.get(`/prompt ${id}`)! - since);
      }
      return all;
    };
    const alone = percentile(await latencies(), 0.5);
    for (let i = 0; i < 40; i++) await send(hangs);
    await eventually(() => hanging.size >= 8);
    const beside = percentile(await latencies(), 0.5);
    process.stderr.write(`to an endpoint alone: p50 ${alone} ms; beside one that hangs: p50 ${beside} ms\n`);
    expect(hanging.size).toBeLessThanOrEqual(2 * 8);
    expect(beside).toBeLessThan(3 * alone + 100);
    for (const response of hanging) response.destroy();
  }, 120_000);
});
