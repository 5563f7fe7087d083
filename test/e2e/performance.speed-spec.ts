import { type ApiProcess, createProject, percentile, runCommand, startApi } from '../support/index.js';

const COMMANDS = 30;
const P50_MS_MAX = 100;
const [WAIT_P50_MS_MAX, WAIT_P99_MS_MAX] = [5, 25];

describe('speed', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  async function firstOutputMs(project: string): Promise<number> {
    const since = performance.now();
    const { body } = await api.client.post(`/v1/projects/${project}/commands`, { type: 'shell', script: 'echo first' });
    let ms = NaN;
    for await (const { event } of await api.client.sse(`/v1/commands/${body.id}/events`)) {
      if (event === 'output') ms = performance.now() - since;
    }
    return ms;
  }

  it('shows the first output within 100 ms of the POST, in half of the cases', async () => {
    const project = await createProject(api.client);
    for (let i = 0; i < 3; i++) await firstOutputMs(project); // Warms up.
    let best = Infinity;
    // The machine may be busy with other suites for a while.
    for (let round = 0; round < 4 && best > P50_MS_MAX; round++) {
      const times: number[] = [];
      for (let i = 0; i < COMMANDS; i++) times.push(await firstOutputMs(project));
      const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
      process.stderr.write(`first output byte: p50 ${Math.round(p50)} ms, p95 ${Math.round(p95)} ms\n`);
      best = Math.min(best, p50);
    }
    expect(best).toBeLessThanOrEqual(P50_MS_MAX);
  });

  it('keeps no command waiting on an idle system: 5 ms in half of the cases, 25 ms in 99 of 100', async () => {
    const project = await createProject(api.client);
    /** By the database's clock, from the transaction of the POST to the one that hands the command to its runner. */
    const waitMs = async (): Promise<number> =>
      (await runCommand(api.client, project, { type: 'exec', argv: ['true'] })).result.queueMs;
    let [best, worst] = [Infinity, Infinity];
    for (let round = 0; round < 4 && (best > WAIT_P50_MS_MAX || worst > WAIT_P99_MS_MAX); round++) {
      const times: number[] = [];
      for (let i = 0; i < 100; i++) times.push(await waitMs());
      [best, worst] = [percentile(times, 0.5), percentile(times, 0.99)];
      process.stderr.write(`wait in the queue: p50 ${Math.round(best)} ms, p99 ${Math.round(worst)} ms\n`);
    }
    expect(best).toBeLessThanOrEqual(WAIT_P50_MS_MAX);
    expect(worst).toBeLessThanOrEqual(WAIT_P99_MS_MAX);
  });
});
