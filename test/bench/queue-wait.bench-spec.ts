import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { type ApiProcess, createProject, percentile, runCommand, startApi } from '../support/index.js';

const [ROUNDS, COMMANDS] = [4, 100];
/** What follows an end (events, hints to other replicas) is over, and the system idle. */
const IDLE_MS = 60;
const MOMENTS = pathToFileURL(join(process.cwd(), 'test/bench/moments.mjs'));

describe('the wait of a command on an idle system', () => {
  let api: ApiProcess;
  let db: pg.Client;
  beforeAll(async () => {
    api = await startApi({ env: { NODE_OPTIONS: `--import=${MOMENTS.href}`, RATE_LIMIT_RPS: '0', LOG_LEVEL: 'warn' } });
    db = new pg.Client(api.databaseUrl);
    await db.connect();
  });
  afterAll(async () => {
    await db.end();
    await api.stop();
  });

  it('is measured, from the commit of the POST to the call of the supervisor', async () => {
    const project = await createProject(api.client);
    for (let round = 0; round < ROUNDS; round++) {
      const trips: number[] = [];
      for (let i = 0; i < COMMANDS; i++) {
        await pause(IDLE_MS);
        await runCommand(api.client, project, { type: 'exec', argv: ['true'] });
        await pause(IDLE_MS);
        const since = performance.now();
        await db.query('SELECT 1');
        trips.push(performance.now() - since);
      }
      const waits = [...api.logs.matchAll(/^waited (.+)$/gm)].slice(-COMMANDS).map(([, ms]) => Number(ms));
      expect(waits).toHaveLength(COMMANDS);
      const of = (times: number[]): string => [0.5, 0.99].map((p) => percentile(times, p).toFixed(1)).join(' and ');
      process.stderr.write(`p50 and p99: wait ${of(waits)} ms, one bare round trip ${of(trips)} ms\n`);
    }
  });
});
