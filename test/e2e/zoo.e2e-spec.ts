import {
  type ApiProcess,
  createProject,
  ended,
  outputOf,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';
import { THOROUGH } from '../support/thorough.js';
import { EVASIONS } from '../support/scenarios/evasions.js';
import { ENDINGS, type Outcome, lineOf, provoke } from '../support/scenarios/evasive-children.js';

// Expensive cases are left to the supervisor's own tests, and to pods.
const ALL = EVASIONS.filter(({ isHeavy = false }) => !isHeavy);

const AT_A_TIME = 4;
/** Each child meets each ending in a thorough run, and else the one that its turn brings. */
const endingsOf = (index: number) => (THOROUGH ? ENDINGS : [ENDINGS[index % ENDINGS.length]!]);

describe('a child that resists being ended', () => {
  let api: ApiProcess;
  let outcomes: ReadonlyMap<string, readonly Outcome[]>;

  beforeAll(async () => {
    api = await startApi({ env: { CONCURRENT_COMMANDS: '20' } });
    // Some at a time: each mostly waits, but polls for its child as fast as it can, and the API needs time too.
    const all = new Map<string, readonly Outcome[]>();
    const left = ALL.entries();
    const provokeNext = async () => {
      for (const [index, evasion] of left) {
        const project = await createProject(api.client);
        all.set(evasion.what, await provoke(api.client, project, evasion, endingsOf(index)));
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, provokeNext));
    outcomes = all;
    for (const evasion of ALL) process.stderr.write(lineOf(evasion, outcomes.get(evasion.what)!));
  }, 300_000);
  afterAll(() => api.stop());

  it.each(ALL)('and $what', ({ what }) => {
    for (const { ending, status, result, left } of outcomes.get(what)!) {
      expect({ ending, left }).toEqual({ ending, left: 0 });
      if (ending === 'its own end') {
        expect(status).toBe('succeeded');
        expect(result.leftKilled).toBeGreaterThanOrEqual(1);
      } else {
        expect(status).toBe(ending === 'cancel' ? 'cancelled' : 'timed_out');
        expect(result).toMatchObject({ killVerified: true, survivors: 0 });
        expect(result.detail ?? '').not.toContain('could not be marked');
      }
    }
  });

  it.each([false, true])(
    'neither delays the command that it outlives, nor writes into it: keepBackground %s',
    async (keepBackground) => {
      const project = await createProject(api.client);
      const child =
        '(echo early; touch begun; until [ -e go ]; do sleep 0.02; done; echo late; echo late >&2; touch written) &';
      const script = `${child}\nuntil [ -e begun ]; do sleep 0.02; done; echo done`;
      const command = await runCommand(api.client, project, { script, keepBackground });
      expect(command).toMatchObject({ status: 'succeeded', result: { stdoutBytes: 11, stderrBytes: 0 } });
      expect(command.result.durationMs).toBeLessThan(1_000);
      // The sleeps of the child end with it: several, if it was frozen in between.
      const { leftKilled = null } = command.result;
      if (keepBackground) expect(leftKilled).toBeNull();
      else expect(leftKilled).toBeGreaterThanOrEqual(1);
      const { id } = await startCommand(api.client, project, 'touch go; sleep 0.3; ls');
      await ended(api.client, id);
      // If kept it continues, and must not block on a pipe that nothing reads.
      expect((await outputOf(api.client, id)).toString().includes('written')).toBe(keepBackground);
      expect((await outputOf(api.client, command.id)).toString()).toBe('early\ndone\n');
      expect((await outputOf(api.client, command.id, 'stderr')).toString()).toBe('');
    },
  );
});
