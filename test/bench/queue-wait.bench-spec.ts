import {
  type ApiProcess,
  createProject,
  measureWaits,
  momentsEnvironment,
  percentile,
  startApi,
} from '../support/index.js';

const [ROUNDS, COMMANDS] = [4, 100];

describe('the wait of a command on an idle system', () => {
  let api: ApiProcess;
  beforeAll(async () => {
    api = await startApi({ env: await momentsEnvironment() });
  });
  afterAll(() => api.stop());

  it('is measured, from the commit of the POST to the call of the supervisor', async () => {
    const project = await createProject(api.client);
    for (let round = 0; round < ROUNDS; round++) {
      const { waits, trips } = await measureWaits(api, project, COMMANDS);
      const of = (times: number[]): string => [0.5, 0.99].map((p) => percentile(times, p).toFixed(1)).join(' and ');
      process.stderr.write(`p50 and p99: wait ${of(waits)} ms, one bare round trip ${of(trips)} ms\n`);
    }
  });
});
