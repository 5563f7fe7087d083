import { type ApiProcess, createProject, percentile, runCommand, startApi } from '../support/index.js';

const [ROUNDS, COMMANDS] = [4, 100];

describe('the wait in the queue of an idle system', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi();
  });
  afterAll(() => api.stop());

  /** By the database's clock, from the beginning of the POST's transaction to the one that hands the command to its runner. */
  it('is measured', async () => {
    const project = await createProject(api.client);
    for (let round = 0; round < ROUNDS; round++) {
      const times: number[] = [];
      for (let i = 0; i < COMMANDS; i++)
        times.push((await runCommand(api.client, project, { type: 'exec', argv: ['true'] })).result.queueMs);
      const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
      process.stderr.write(`wait in the queue: p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms\n`);
    }
  });
});
