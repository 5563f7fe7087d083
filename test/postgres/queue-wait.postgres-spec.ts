import pg from 'pg';
import {
  type ApiProcess,
  type TestDatabase,
  createProject,
  createTestDatabase,
  measureWaits,
  momentsEnvironment,
  newest,
  percentile,
  startApi,
  textOf,
} from '../support/index.js';

const [ROUNDS, COMMANDS] = [3, 20];
/** It is about 6, and a look or a start that was compiled would be hundreds. */
const TRIPS_MAX = 40;

describe.each([
  ['another PostgreSQL', process.env],
  ['the embedded one', newest()],
])('an idle replica on %s', (_, server) => {
  let database: TestDatabase;
  let api: ApiProcess;
  let version: string;
  beforeAll(async () => {
    database = await createTestDatabase(server);
    const db = new pg.Client(database.url);
    await db.connect();
    const { rows } = await db.query(
      `SELECT current_setting('server_version') || ', jit ' || pg_jit_available() AS version`,
    );
    version = rows[0].version;
    await db.end();
    api = await startApi({ databaseUrl: database.url, env: await momentsEnvironment() });
  });
  afterAll(async () => {
    await api.stop();
    await database.drop();
  });

  it('runs a command after the time of a few round trips to the same server', async () => {
    const project = await createProject(api.client);
    expect(await textOf(api.client, project, 'echo ready')).toBe('ready\n');
    let best = Infinity;
    for (let round = 0; round < ROUNDS && best > TRIPS_MAX; round++) {
      const { waits, trips } = await measureWaits(api, project, COMMANDS);
      const [wait, trip] = [percentile(waits, 0.5), percentile(trips, 0.5)];
      process.stderr.write(
        `PostgreSQL ${version}: wait ${wait.toFixed(1)} ms, bare round trip ${trip.toFixed(1)} ms\n`,
      );
      best = Math.min(best, wait / trip);
    }
    expect(best).toBeLessThan(TRIPS_MAX);
  });
});
