import { type ApiProcess, createProject, percentile, rowsOf, startApi } from '../support/index.js';

const ROUNDS = 12;
const AT_A_TIME = 16;

/** What the audit costs: beside an API whose database throws every event away. */
describe('the audit', () => {
  let audited: ApiProcess;
  let unaudited: ApiProcess;

  beforeAll(async () => {
    const env = { RATE_LIMIT_RPS: '0', RDEV_MAX_QUEUED: '1000000', CONCURRENT_COMMANDS: String(AT_A_TIME) };
    audited = await startApi({ env });
    unaudited = await startApi({ env });
    await rowsOf(unaudited.databaseUrl, 'CREATE RULE unaudited AS ON INSERT TO pending_events DO INSTEAD NOTHING');
  });
  afterAll(async () => {
    await audited.stop();
    await unaudited.stop();
  });

  /** Commands per second, some at a time. */
  async function pace(
    api: ApiProcess,
    project: string,
    count: number,
    prefer: Record<string, string>,
  ): Promise<number> {
    const since = performance.now();
    let left = count;
    const client = async (): Promise<void> => {
      while (left-- > 0) {
        const path = `/v1/projects/${project}/commands`;
        const { status } = await api.client.request('POST', path, { type: 'exec', argv: ['true'] }, prefer);
        if (status >= 300) throw new Error(`status ${status}`);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, client));
    return count / ((performance.now() - since) / 1_000);
  }

  it.each([
    ['created in a queue that is paused', true, 600],
    ['run to their end on the local runtime', false, 80],
  ])(
    'leaves commands their pace: %s',
    async (what, isPaused, count) => {
      const sites = await Promise.all(
        [audited, unaudited].map(async (api) => ({
          api,
          project: await createProject(api.client),
          paces: [] as number[],
        })),
      );
      if (isPaused) for (const { api, project } of sites) await api.client.post(`/v1/projects/${project}/queue/pause`);
      const prefer: Record<string, string> = isPaused ? {} : { prefer: 'wait=30' };
      for (let round = 0; round < ROUNDS; round++) {
        for (const { api, project, paces } of round % 2 === 0 ? sites : [...sites].reverse()) {
          const found = await pace(api, project, count, prefer);
          if (round >= 2) paces.push(found);
        }
      }
      const [audit, without] = sites.map(({ paces }) => percentile(paces, 0.5)) as [number, number];
      process.stderr.write(
        `${what}: ${audit.toFixed(0)} per second, without audit ${without.toFixed(0)}; ratio ${(audit / without).toFixed(2)}\n`,
      );
      // The other API has written nothing.
      expect(await rowsOf(unaudited.databaseUrl, `SELECT 1 FROM events WHERE type LIKE 'command.%'`)).toEqual([]);
      expect(audit / without).toBeGreaterThan(0.9);
    },
    600_000,
  );
});
