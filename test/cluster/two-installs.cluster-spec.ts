import { type Figures } from '../chaos/figures.js';
import { chaosOptions, runChaos } from '../chaos/run-chaos.js';
import { InstallSite } from './support/install-site.js';
import { documentedServiceAccount } from './support/service-account.js';
import { TestNamespace } from './support/test-cluster.js';

const CONTESTED = ['contested-1', 'contested-2'];

/** `CHAOS_SECONDS=3600 CHAOS_COMMANDS=1400 CHAOS_FAULTS=500` lets it run for an hour. */
describe('two installs in one namespace, while replicas, pods and connections fail', () => {
  const options = chaosOptions({ commands: 40, faults: 13, lastsMs: 50_000 });
  let namespace: TestNamespace;
  let installs: readonly InstallSite[] = [];

  beforeAll(async () => {
    namespace = await TestNamespace.create();
    const token = await documentedServiceAccount(namespace);
    const install = (name: string, projects: readonly string[]) =>
      InstallSite.install(namespace, token, { name, projects }, 2);
    installs = [await install('left', ['web', 'api']), await install('right', ['jobs', 'site'])];
  }, 240_000);
  afterAll(async () => {
    await Promise.all(installs.map((site) => site.close()));
    await namespace.remove();
  }, 120_000);

  test(
    'touch, list and run nothing of each other',
    async () => {
      const before = await Promise.all(installs.map((site) => site.fingerprint()));
      const over = new AbortController();
      const others = installs.flatMap((site, i) => {
        const { projects } = installs[1 - i]!;
        return [
          site.trespass(projects, over.signal, options.seed + i).then((tries) => `${site.name}: ${tries} trespasses`),
          ...CONTESTED.map((id) => site.contest(id, over.signal).then((won) => `${site.name}: got ${id} ${won} times`)),
        ];
      });
      const rivalry = Promise.all(others);
      const load = Promise.all(installs.map((site, i) => runChaos(site, { ...options, seed: options.seed + i })));
      const figures = await Promise.race([load, rivalry.then(() => load)]).finally(() => over.abort());
      const lines = await rivalry;
      process.stderr.write(`${figures.map(({ report }) => report).join('\n')}  ${lines.join('\n  ')}\n`);

      expect(figures.map(({ failures }) => failures)).toEqual([[], []]);
      for (const { report: _, failures: __, commands: ___, ...counts } of figures as readonly Figures[])
        expect(new Set(Object.values(counts))).toEqual(new Set([0]));
      expect(await Promise.all(installs.map((site) => site.fingerprint()))).toEqual(before);
      for (const [i, site] of installs.entries()) {
        const known = await site.commandIds();
        for (const project of site.projects) {
          const record =
            site.savedRecords(project) +
            (await site.run(project, `cat ${site.recordFile} /tmp/trespass 2>/dev/null; true`));
          const strangers = record.split('\n').filter((line) => line !== '' && !known.has(line.split(' ')[2] ?? ''));
          expect(strangers).toEqual([]);
        }
        expect(before[i]!.filter((line) => !line.includes(` of ${site.id}: `))).toEqual([]);
      }
    },
    options.lastsMs + 600_000,
  );
});
