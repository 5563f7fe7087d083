import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Bootstrap } from '@app/apikeys';
import { CommandExecutor, CommandHints, CommandPolicy } from '@app/commands';
import { loadConfig } from '@app/config';
import { Database } from '@app/database';
import type { INestApplication } from '@nestjs/common';
import { createApp } from '../../apps/api/src/create-app.js';
import {
  HttpClient,
  type TestDatabase,
  createProject,
  createTestDatabase,
  freePort,
  newKey,
  runCommand,
} from '../support/index.js';
import { percentile } from '../support/index.js';

const [ROUNDS, COMMANDS] = [3, 60];
/** What follows an end (events, hints to other replicas) is over, and the system idle. */
const IDLE_MS = 60;

/** The API in this process, so that moments in it can be taken by one clock. */
describe('the wait of a command on an idle system', () => {
  let [directory, database]: [string, TestDatabase] = ['', undefined!];
  let app: INestApplication;
  let client: HttpClient;
  const moments = { committed: 0, called: 0 };

  beforeAll(async () => {
    [directory, database] = [await mkdtemp(join(tmpdir(), 'rdev-bench-')), await createTestDatabase()];
    const [adminKey, port] = [newKey(), await freePort()];
    const config = loadConfig({
      RDEV_RUNTIME: 'local',
      RDEV_DATA_DIR: directory,
      DATABASE_URL: database.url,
      METRICS_PORT: String(await freePort()),
      RATE_LIMIT_RPS: '0',
      LOG_LEVEL: 'warn',
      PATH: process.env.PATH,
    });
    app = await createApp(config, database.url, new CommandPolicy());
    await app.get(Bootstrap).ensureAdminKey({ adminKey, keyFile: null });
    await app.listen(port, '127.0.0.1');
    client = new HttpClient(`http://127.0.0.1:${port}`, adminKey);
    takeMoments();
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  });

  function takeMoments(): void {
    const hints = app.get(CommandHints, { strict: false });
    const executor = app.get(CommandExecutor, { strict: false });
    const [queueChanged, start] = [hints.queueChanged.bind(hints), executor.start.bind(executor)];
    // The first after a POST is what its commit calls.
    hints.queueChanged = () => {
      moments.committed ||= performance.now();
      queueChanged();
    };
    executor.start = (...what) => {
      moments.called = performance.now();
      return start(...what);
    };
  }

  it('is measured, from the commit of the POST to the call of the supervisor', async () => {
    const project = await createProject(client);
    const db = app.get(Database, { strict: false });
    for (let round = 0; round < ROUNDS; round++) {
      const [waits, trips]: [number[], number[]] = [[], []];
      for (let i = 0; i < COMMANDS; i++) {
        await pause(IDLE_MS);
        moments.committed = 0;
        await runCommand(client, project, { type: 'exec', argv: ['true'] });
        waits.push(moments.called - moments.committed);
        await pause(IDLE_MS);
        const since = performance.now();
        await db.query('SELECT 1');
        trips.push(performance.now() - since);
      }
      const of = (times: number[]): string => [0.5, 0.99].map((p) => percentile(times, p).toFixed(1)).join(' and ');
      process.stderr.write(`p50 and p99: wait ${of(waits)} ms, one bare round trip ${of(trips)} ms\n`);
    }
  });
});
