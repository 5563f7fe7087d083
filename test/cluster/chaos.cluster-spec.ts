import { chaosOptions, runChaos } from '../chaos/run-chaos.js';
import { ClusterSite } from './support/cluster-site.js';

describe('commands in pods, while replicas, pods and connections fail', () => {
  let site: ClusterSite;

  beforeAll(async () => {
    site = await ClusterSite.open(3);
  }, 120_000);
  afterAll(() => site.close(), 60_000);

  test('start once, end true, and bring every byte once', async () => {
    const options = chaosOptions({ commands: 120, faults: 26, lastsMs: 100_000 });
    const { report, failures, ...figures } = await runChaos(site, options);
    process.stderr.write(report);
    expect(failures).toEqual([]);
    expect(figures).toMatchObject({ bytesLost: 0, bytesTwice: 0, startedTwice: 0, falseEndings: 0, survivors: 0 });
  }, 600_000);
});
