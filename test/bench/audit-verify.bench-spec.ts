import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import pg from 'pg';
import { type ApiProcess, eventually, expectStatus, rowsOf, startApi } from '../support/index.js';

const RECORDS = 300_000;

/** How fast the log is sealed and verified. */
describe('the audit log', () => {
  let api: ApiProcess;

  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  it('is sealed, and verified', async () => {
    const client = new pg.Client({ connectionString: api.databaseUrl });
    await client.connect();
    await client.query(
      `INSERT INTO pending_events (event_id, type, project_id, target, outcome, actor, data)
       SELECT 'evt_' || i, 'command.ended', 'web', 'cmd_' || i, 'succeeded',
         '{"keyId":"key_01jd4x0000000000000000000","ip":"192.0.2.1","userAgent":"curl/8.5.0","requestId":"req_01jd4x0000000000000000000","traceId":null}',
         '{"status":"succeeded","result":{"exitCode":0,"signal":null,"reason":"exited","durationMs":1200,"stdoutBytes":20,"stderrBytes":0}}'
       FROM generate_series(1, ${RECORDS}) AS i`,
    );
    await client.end();
    const since = performance.now();
    const isSealed = async () =>
      ((await rowsOf(api.databaseUrl, 'SELECT sealed_seq::int AS n FROM event_log_head')) as [{ n: number }])[0].n >=
      RECORDS;
    await eventually(isSealed, 300_000, 100);
    const sealing = RECORDS / ((performance.now() - since) / 1_000);

    const began = performance.now();
    const { body } = expectStatus(await api.client.get('/v1/audit/verify'), 200);
    const verifying = body.checked / ((performance.now() - began) / 1_000);
    expect(body).toMatchObject({ valid: true });

    const bytes = Buffer.alloc(500);
    const hashing = performance.now();
    for (let i = 0; i < RECORDS; i++) createHash('sha256').update(bytes).digest();
    const bare = RECORDS / ((performance.now() - hashing) / 1_000);
    process.stderr.write(
      `sealed ${Math.round(sealing)} records per second, verified ${Math.round(verifying)}; ` +
        `SHA-256 of 500 bytes alone: ${Math.round(bare)}; Node ${execFileSync('node', ['--version']).toString()}`,
    );
  }, 600_000);
});
