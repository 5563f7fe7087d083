import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import {
  type ApiProcess,
  HttpClient,
  createProject,
  ended,
  eventually,
  outputOf,
  rowsOf,
  startApi,
  startCommand,
} from '../support/index.js';
import { TcpBalancer } from '../support/tcp-balancer.js';

/** As long as it takes until no proxy sends new connections: the chart waits before it sends SIGTERM. */
const PRE_STOP_MS = 500;
const CONNECTIONS = 8;

describe('a rolling restart of two replicas behind a balancer', () => {
  const replicas: ApiProcess[] = [];
  let balancer: TcpBalancer;
  let client: HttpClient;
  beforeAll(async () => {
    const env = { RATE_LIMIT_RPS: '0', RDEV_MAX_QUEUED: '1000000', CONCURRENT_COMMANDS: '4' };
    const first = await startApi({ env });
    const { databaseUrl, dataDir, adminKey } = first;
    replicas.push(first, await startApi({ env, databaseUrl, dataDir, adminKey }));
    balancer = await TcpBalancer.start(...replicas.map(({ port }) => port));
    client = new HttpClient(balancer.url, adminKey);
  }, 60_000);
  afterAll(async () => {
    balancer.stop();
    for (const api of [...replicas].reverse()) await api.stop();
  });

  async function restart(api: ApiProcess): Promise<void> {
    const { port } = api;
    balancer.remove(port);
    await delay(PRE_STOP_MS);
    await api.restart('SIGTERM');
    balancer.add(api.port);
    await delay(PRE_STOP_MS);
  }

  it('fails no request and loses no command', async () => {
    const project = await createProject(client);
    const running = await startCommand(client, project, 'for i in $(seq 300); do echo $i; sleep 0.1; done');
    await eventually(async () => (await outputOf(client, running.id)).length > 0, 20_000);
    let created = 0;
    const headers = { authorization: `Bearer ${replicas[0]!.adminKey}`, 'content-type': 'application/json' };
    const { promise: result, resolve, reject } = Promise.withResolvers<autocannon.Result>();
    const options: autocannon.Options = {
      url: balancer.url,
      connections: CONNECTIONS,
      duration: 600,
      headers,
      requests: [
        { method: 'GET', path: `/v1/commands/${running.id}` },
        { method: 'GET', path: `/v1/commands?limit=5` },
        { method: 'GET', path: `/v1/projects/${project}` },
        {
          method: 'POST',
          path: `/v1/projects/${project}/commands`,
          body: JSON.stringify({ type: 'exec', argv: ['true'] }),
          onResponse: (status) => {
            if (status === 202) created++;
          },
        },
      ],
      // A queue that grows for long would take long to empty.
      overallRate: 80,
    };
    const load = autocannon(options, (error: unknown, found) => (error ? reject(error) : resolve(found)));
    for (const api of replicas) await restart(api);
    load.stop();
    const { non2xx, errors, timeouts, requests } = await result;
    expect({ non2xx, errors, timeouts }).toEqual({ non2xx: 0, errors: 0, timeouts: 0 });
    expect(requests.total).toBeGreaterThan(100);
    await client.post(`/v1/commands/${running.id}/cancel`);
    expect(await ended(client, running.id, 30)).toMatchObject({ status: 'cancelled' });
    const count = async (where: string) => {
      const [row] = await rowsOf(replicas[0]!.databaseUrl, `SELECT count(*)::int AS n FROM commands WHERE ${where}`);
      return row.n as number;
    };
    await eventually(async () => (await count('ended_at IS NULL')) === 0, 90_000);
    expect(await count(`type = 'exec' AND status = 'succeeded'`)).toBeGreaterThanOrEqual(created);
    expect(await count(`type = 'exec' AND status <> 'succeeded'`)).toBe(0);
  }, 240_000);
});
