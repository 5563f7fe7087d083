import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ApiProcess,
  type TestDatabase,
  WebhookReceiver,
  createProject,
  createTestDatabase,
  ended,
  eventually,
  outputOf,
  rowsOf,
  startApi,
  startCommand,
} from '../support/index.js';
import { MixedLoad } from '../support/mixed-load.js';
import { type TcpProxy, tcpProxy } from '../support/tcp-proxy.js';

const DOCUMENT = readFileSync('docs/operations/failures.md', 'utf8');
const PRELOAD = resolve('test/support/fault-preload.cjs');

/** One fault at a time while clients work and a command runs; docs/operations/failures.md says what they see. */
describe('while clients work', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let api: ApiProcess;
  let project: string;
  let load: MixedLoad;
  let running: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    const url = new URL(database.url);
    proxy = await tcpProxy(url.hostname, Number(url.port || 5432));
    url.host = `127.0.0.1:${proxy.port}`;
    const faults = join('/tmp', `rdev-fault-${process.pid}`);
    api = await startApi({
      databaseUrl: url.href,
      env: {
        RATE_LIMIT_RPS: '0',
        WEBHOOK_ALLOWED_CIDRS: '127.0.0.1',
        NODE_OPTIONS: `--require=${PRELOAD}`,
        FAULT_FILE: faults,
      },
    });
    project = await createProject(api.client);
  });
  afterAll(async () => {
    await api.stop();
    await proxy.close();
    await database.drop();
  });
  beforeEach(async () => {
    running = (await startCommand(api.client, project, 'for i in $(seq 1000); do echo $i; sleep 0.1; done')).id;
    await eventually(async () => (await outputOf(api.client, running)).length > 0, 20_000);
    load = new MixedLoad(api.client, project);
  });

  /** What is promised after every fault: all succeeds again, nothing that was answered is lost, no byte is missing. */
  async function recovered(): Promise<void> {
    const since = performance.now();
    await eventually(async () => {
      load.reset();
      await delay(500);
      return load.failures.length === 0 && (load.outcomes.get('202') ?? 0) > 0;
    }, 60_000);
    process.stderr.write(
      `${expect.getState().currentTestName}: recovered after ${(performance.now() - since).toFixed(0)} ms\n`,
    );
    await load.stop();
    await api.client.post(`/v1/commands/${running}/cancel`, { graceSeconds: 0 });
    expect(await ended(api.client, running, 30)).toMatchObject({ status: 'cancelled' });
    const lines = (await outputOf(api.client, running)).toString().trimEnd().split('\n');
    expect(lines).toEqual(lines.map((_, i) => String(i + 1)));
    for (const id of load.created) expect(await ended(api.client, id, 60)).toMatchObject({ status: 'succeeded' });
  }
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${api.metricsPort}/metrics`)).text();
    const values = Array.from(text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm')), ([, value]) =>
      Number(value),
    );
    return values.reduce((sum, value) => sum + value, 0);
  };
  const strike = async (what: 'clock' | 'block', ms: number): Promise<void> => {
    await writeFile(join('/tmp', `rdev-fault-${process.pid}`), `${what} ${ms}`);
    process.kill(api.pid, 'SIGUSR2');
  };
  const isReady = async (): Promise<boolean> => (await api.client.get('/ready')).status === 200;

  const faults: Record<string, () => Promise<void>> = {
    'The database is unavailable for 10 s': async () => {
      proxy.cut();
      await eventually(async () => !(await isReady()), 20_000);
      expect((await api.client.get('/health')).status).toBe(200);
      await delay(10_000);
      proxy.mend();
      expect(load.failures).toEqual(['503 UNAVAILABLE']);
      expect(await metric('http_requests_total\\{[^}]*status="503"\\}')).toBeGreaterThan(0);
      await recovered();
      expect(await isReady()).toBe(true);
    },
    'The database responds 200 ms later': async () => {
      await load.stop();
      proxy.delay(200);
      load = new MixedLoad(api.client, project);
      await delay(5_000);
      expect(load.failures).toEqual([]);
      expect(await isReady()).toBe(true);
      await load.stop();
      proxy.delay(0);
      load = new MixedLoad(api.client, project);
      await recovered();
    },
    'DNS does not know the host of a webhook': async () => {
      const receiver = await WebhookReceiver.start();
      const hooks = ['http://no-such-host.invalid/', `${receiver.base}/known`];
      for (const url of hooks) await api.client.post('/v1/webhooks', { url, events: ['command.*'] });
      const before = await metric('rdev_webhook_attempts_total\\{[^}]*result="unanswered"\\}');
      await eventually(() => receiver.at('/known').length > 0, 20_000);
      await eventually(
        async () => (await metric('rdev_webhook_attempts_total\\{[^}]*result="unanswered"\\}')) > before,
        20_000,
      );
      expect(load.failures).toEqual([]);
      receiver.stop();
      await recovered();
    },
    'The clock of a replica jumps by an hour': async () => {
      for (const ms of [3_600_000, -3_600_000]) {
        await strike('clock', ms);
        await delay(3_000);
        await eventually(
          async () => Math.abs((await api.client.get('/v1/system')).body.clock.differenceMs) > 3_000_000,
          30_000,
        );
      }
      expect(load.failures).toEqual([]);
      await strike('clock', 0);
      await recovered();
      const [row] = await rowsOf(database.url, `SELECT max(at) - now() < interval '1 minute' AS near FROM events`);
      expect(row.near).toBe(true);
    },
    'The event loop is blocked for 2 s': async () => {
      // A scrape begins a new measurement, with the next tick.
      await metric('nodejs_eventloop_lag_max_seconds');
      await delay(500);
      await strike('block', 2_000);
      await delay(2_500);
      expect(await metric('nodejs_eventloop_lag_max_seconds')).toBeGreaterThan(1.5);
      expect(load.failures).toEqual([]);
      await recovered();
    },
    'A replica reaches its memory limit and is killed': async () => {
      await api.restart('SIGKILL');
      expect(load.failures).toEqual(['no response']);
      await recovered();
    },
  };

  it.each(Object.entries(faults))(
    '%s',
    async (name, fault) => {
      expect(DOCUMENT).toContain(`| ${name}`);
      await fault();
    },
    180_000,
  );
});
