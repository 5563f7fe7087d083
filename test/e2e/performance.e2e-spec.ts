import { type ApiProcess, createProject, percentile, startApi } from '../support/index.js';

const COMMANDS = 30;

describe('speed', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  it('shows the first output within 100 ms of the POST, in half of the cases', async () => {
    const project = await createProject(api.client);
    const times: number[] = [];
    for (let i = 0; i < COMMANDS + 3; i++) {
      const since = performance.now();
      const { body } = await api.client.post(`/v1/projects/${project}/commands`, {
        type: 'shell',
        script: 'echo first',
      });
      for await (const { event } of await api.client.sse(`/v1/commands/${body.id}/events`)) {
        if (event === 'output') times.push(performance.now() - since);
      }
    }
    const measured = times.slice(3); // The first ones warm up.
    const [p50, p95] = [percentile(measured, 0.5), percentile(measured, 0.95)];
    process.stderr.write(`first output byte: p50 ${Math.round(p50)} ms, p95 ${Math.round(p95)} ms\n`);
    expect(measured).toHaveLength(COMMANDS);
    expect(p50).toBeLessThanOrEqual(100);
  });
});
