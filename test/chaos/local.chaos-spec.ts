import { localSite } from './local-site.js';
import { chaosOptions, runChaos } from './run-chaos.js';
import type { Site } from './site.js';

/** The short form is part of `npm test`. */
const isShort = process.env.CHAOS_FORM === 'short';
const usual = isShort ? { commands: 60, faults: 8, lastsMs: 18_000 } : { commands: 500, faults: 50, lastsMs: 480_000 };

describe('commands on this machine, while replicas and connections fail', () => {
  let site: Site;

  beforeAll(async () => {
    site = await localSite(isShort ? 2 : 3);
  }, 60_000);
  afterAll(() => site.close(), 60_000);

  it('start once, end true, and bring every byte once', async () => {
    const { report, failures, ...figures } = await runChaos(site, chaosOptions(usual));
    process.stderr.write(report);
    expect(failures).toEqual([]);
    expect(figures).toMatchObject({ bytesLost: 0, bytesTwice: 0, startedTwice: 0, falseEndings: 0, survivors: 0 });
  }, 1_200_000);
});
