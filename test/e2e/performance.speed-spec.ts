import { type ApiProcess, createProject, percentile, slowness, startApi } from '../support/index.js';

const COMMANDS = 30;
const P50_MS_MAX = 100;

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

  it('shows the first output within 100 ms of the POST in half of the cases', async () => {
    const project = await createProject(api.client);
    for (let i = 0; i < 3; i++) await firstOutputMs(project); // Warms up.
    const maxMs = P50_MS_MAX * slowness();
    let best = Infinity;
    // Other suites may keep the machine busy for a while.
    for (let round = 0; round < 4 && best > maxMs; round++) {
      const times: number[] = [];
      for (let i = 0; i < COMMANDS; i++) times.push(await firstOutputMs(project));
      const [p50, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
      process.stderr.write(
        `first output byte: p50 ${Math.round(p50)} ms, p95 ${Math.round(p95)} ms, at most ${Math.round(maxMs)} allowed\n`,
      );
      best = Math.min(best, p50);
    }
    expect(best).toBeLessThanOrEqual(maxMs);
  });
});
