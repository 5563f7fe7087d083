import { once } from 'node:events';
import { type ChildProcess, spawn } from 'node:child_process';
import autocannon from 'autocannon';
import { type ApiProcess, createProject, percentile, runCommand, startApi } from '../support/index.js';

const ROUNDS = 12;
const WARM_UP = 2;
const SECONDS = 2;
const AT_A_TIME = 16;
/** Takes what it gets, in a process of its own as a collector is. */
const SINK = `const s = require('node:http').createServer((q, r) => q.resume().on('end', () => r.end()));
  s.listen(0, '127.0.0.1', () => console.log(s.address().port));`;

interface Site {
  readonly api: ApiProcess;
  readonly command: string;
  readonly project: string;
  readonly paces: Record<string, number[]>;
}

/** What logs and traces cost, in requests per second: APIs that differ in one variable take turns. */
describe('telemetry', () => {
  const sites: Record<string, Site> = {};
  let sink: ChildProcess;

  const open = async (name: string, own: Record<string, string>): Promise<void> => {
    const api = await startApi({ env: { RATE_LIMIT_RPS: '0', RDEV_MAX_QUEUED: '1000000', ...own } });
    const project = await createProject(api.client);
    const { id } = await runCommand(api.client, project, 'echo hi');
    await api.client.post(`/v1/projects/${project}/queue/pause`);
    sites[name] = { api, command: id, project, paces: {} };
  };
  beforeAll(async () => {
    sink = spawn(process.execPath, ['-e', SINK], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(sink.stdout!, 'data')) as [Buffer];
    await open('default', {});
    await open('without logs', { LOG_LEVEL: 'silent' });
    await open('traced', { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port.toString().trim()}` });
  }, 120_000);
  afterAll(async () => {
    for (const { api } of Object.values(sites)) await api.stop();
    sink.kill();
  });

  const requests: Record<string, (site: Site) => Partial<autocannon.Options>> = {
    'a command is read': ({ command }) => ({ method: 'GET', path: `/v1/commands/${command}` }) as object,
    'a command is created': ({ project }) =>
      ({ method: 'POST', path: `/v1/projects/${project}/commands`, body: '{"type":"exec","argv":["true"]}' }) as object,
  };

  async function pace({ api }: Site, { path = '', ...options }: Partial<autocannon.Options> & { path?: string }) {
    const headers = { authorization: `Bearer ${api.adminKey}`, 'content-type': 'application/json' };
    const result = await autocannon({
      url: `${api.baseUrl}${path}`,
      connections: AT_A_TIME,
      duration: SECONDS,
      headers,
      ...options,
    });
    if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} failed, ${result.errors} errors`);
    return result.requests.total / result.duration;
  }

  it.each(Object.entries(requests))(
    'leaves requests their pace: %s',
    async (what, optionsOf) => {
      const names = Object.keys(sites);
      for (let round = 0; round < ROUNDS; round++) {
        // Each goes first, second and last equally often.
        for (let i = 0; i < names.length; i++) {
          const site = sites[names[(i + round) % names.length]!]!;
          const found = await pace(site, optionsOf(site));
          if (round >= WARM_UP) (site.paces[what] ??= []).push(found);
        }
      }
      const [usual, silent, traced] = names.map((name) => percentile(sites[name]!.paces[what]!, 0.5)) as [
        number,
        number,
        number,
      ];
      process.stderr.write(
        `${what}: ${usual.toFixed(0)} per second; without logs ${silent.toFixed(0)} (logs cost ${cost(usual, silent)}); ` +
          `with every trace ${traced.toFixed(0)} (traces cost ${cost(traced, usual)})\n`,
      );
      expect(usual / silent).toBeGreaterThan(0.95);
      expect(traced / usual).toBeGreaterThan(0.85);
    },
    600_000,
  );
});

function cost(pace: number, other: number): string {
  return `${((1 - pace / other) * 100).toFixed(1)} %`;
}
