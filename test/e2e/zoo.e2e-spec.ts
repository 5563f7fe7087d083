import {
  type ApiProcess,
  createProject,
  ended,
  outputOf,
  runCommand,
  startApi,
  startCommand,
} from '../support/index.js';
import { EVASIONS, type Outcome, lineOf, provoke } from '../support/scenarios/evasive-children.js';

describe('a child that does not want to end', () => {
  let api: ApiProcess;
  let outcomes: ReadonlyMap<string, readonly Outcome[]>;

  beforeAll(async () => {
    api = await startApi({ env: { CONCURRENT_COMMANDS: '20' } });
    // All at once: most of it is waiting.
    const all = EVASIONS.map(async (evasion) => {
      const project = await createProject(api.client);
      return [evasion.what, await provoke(api.client, project, evasion)] as const;
    });
    outcomes = new Map(await Promise.all(all));
    for (const evasion of EVASIONS) process.stderr.write(lineOf(evasion, outcomes.get(evasion.what)!));
  }, 120_000);
  afterAll(() => api.stop());

  it.each(EVASIONS)('and $what', ({ what, escapes = [] }) => {
    for (const { ending, status, result, left } of outcomes.get(what)!) {
      const escaped = escapes.includes(ending);
      expect({ ending, left }).toEqual({ ending, left: escaped ? 1 : 0 });
      if (ending === 'its own end') {
        expect(status).toBe('succeeded');
        if (!escaped) expect(result.leftKilled).toBeGreaterThanOrEqual(1);
      } else {
        expect(status).toBe(ending === 'cancel' ? 'cancelled' : 'timed_out');
        expect(result).toMatchObject({ killVerified: true, survivors: 0 });
        // Nobody can tell whose it is, but that it is there is said.
        if (escaped) expect(result.uninspectable).toBeGreaterThanOrEqual(1);
      }
    }
  });

  it.each([false, true])(
    'does not hold up the command that it outlives, nor write into it: keepBackground %s',
    async (keepBackground) => {
      const project = await createProject(api.client);
      const child =
        '(echo early; touch begun; until [ -e go ]; do sleep 0.02; done; echo late; echo late >&2; touch written) &';
      const script = `${child}\nuntil [ -e begun ]; do sleep 0.02; done; echo done`;
      const command = await runCommand(api.client, project, { script, keepBackground });
      expect(command).toMatchObject({ status: 'succeeded', result: { stdoutBytes: 11, stderrBytes: 0 } });
      expect(command.result.durationMs).toBeLessThan(1_000);
      // With the child go the sleeps that it is in while it is being frozen, however many.
      const { leftKilled = null } = command.result;
      if (keepBackground) expect(leftKilled).toBeNull();
      else expect(leftKilled).toBeGreaterThanOrEqual(1);
      const { id } = await startCommand(api.client, project, 'touch go; sleep 0.3; ls');
      await ended(api.client, id);
      // Kept, it goes on, and must not choke on a pipe that nobody reads.
      expect((await outputOf(api.client, id)).toString().includes('written')).toBe(keepBackground);
      expect((await outputOf(api.client, command.id)).toString()).toBe('early\ndone\n');
      expect((await outputOf(api.client, command.id, 'stderr')).toString()).toBe('');
    },
  );
});
