import { type ApiProcess, createProject, runCommand, slowness, startApi } from '../support/index.js';

const RESTART_MS_MAX = 3_000;

describe('a restart on an existing data directory', () => {
  let api: ApiProcess;
  let maxMs: number;
  beforeAll(() => {
    maxMs = RESTART_MS_MAX * slowness();
  });
  afterEach(() => api.stop());

  /** Milliseconds from start to ready: the best of at most five, since the machine may be busy. */
  async function restartMs(signal: NodeJS.Signals): Promise<number> {
    const times: number[] = [];
    do {
      await api.kill(signal);
      const since = performance.now();
      await api.start();
      times.push(Math.round(performance.now() - since));
    } while (Math.min(...times) > maxMs && times.length < 5);
    process.stderr.write(`restart after ${signal}: ready after ${times.join(', ')} ms\n`);
    return Math.min(...times);
  }

  it.each([
    ['an external database', {}],
    ['its own database', { DATABASE_URL: undefined }],
  ])('is ready within 3 s, with %s', async (_name, env) => {
    api = await startApi({ env });
    const project = await createProject(api.client);
    const { id } = await runCommand(api.client, project, 'echo kept');
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      expect(await restartMs(signal)).toBeLessThan(maxMs);
      expect((await api.client.get(`/v1/commands/${id}`)).body.status).toBe('succeeded');
    }
  });
});
