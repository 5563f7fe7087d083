import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EVASIONS, grepFor } from '../../../test/support/scenarios/evasions.js';
import { Bench } from '../testing/index.js';
import { openLocalChannel } from '@app/channel';

const scratch = mkdtempSync(join(tmpdir(), 'rdev-mark-'));
const open = openLocalChannel({ cwd: '/', env: { PATH: '/usr/local/bin:/usr/bin:/bin' } });
const outside = new Bench({ open, spoolDir: scratch });
const LIMIT = "grep -E '^Max file locks' /proc/self/limits";

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** A place whose processes have these limits on file locks. */
function under(limits: string): Bench {
  const set = `for limit in ${limits}; do ulimit "\${limit%%=*}" -x "\${limit#*=}" || ulimit "\${limit%%=*}" -w "\${limit#*=}"; done 2>/dev/null; exec "$@"`;
  return new Bench({ open: (argv, signal) => open(['sh', '-c', set, 'sh', ...argv], signal), spoolDir: scratch });
}

/** Starts a command with such a child, and cancels it when the child is running. */
async function cancelled(
  bench: Bench,
  child: (mark: string) => string,
  first = async (_commandId: string): Promise<void> => {},
): Promise<unknown> {
  const mark = `3000.${String(randomInt(1e8, 1e9))}`;
  const begun = `until ${grepFor(mark)} | grep -q .; do sleep 0.02; done; echo ready; sleep ${mark}`;
  const commandId = await bench.background({ program: { script: `${child(mark)}\n${begun}` } });
  await first(commandId);
  const report = await bench.supervisor.cancel(commandId, 0.1);
  return { ...report, left: await outside.sh(`${grepFor(mark)}; true`) };
}

describe('The mark of a command', () => {
  it('is the soft limit of file locks of its processes, and of no others', async () => {
    const [own, other] = await Promise.all([outside.sh(LIMIT), outside.sh(LIMIT)]);
    expect(own).toMatch(/ [1-7]\d{10} +unlimited /);
    expect(own).not.toBe(other);
    // The supervisor has it only while it starts the command.
    await outside.sh("until grep -q '^Max file locks  *unlimited' /proc/$PPID/limits; do :; done");
  });

  it('is found where a supervisor inside of the command has added digits to it', async () => {
    const within = await under('-S=12345678901').sh(LIMIT);
    expect(within).toMatch(/ 12345678901[1-9]\d{7} +unlimited /);
    const add = `own=$(${LIMIT} | tr -s ' ' | cut -d ' ' -f 4); ulimit -S -x "\${own}12345678" || ulimit -S -w "\${own}12345678"`;
    const child = (mark: string): string => `(${add}; env -i setsid sleep ${mark} &)`;
    expect(await cancelled(outside, child)).toEqual({ killVerified: true, survivors: 0, isMarked: true, left: '' });
  });

  it.each([
    ['the hard limit is too low', '-S=1000 -H=1000'],
    ['there is no room for more digits', '-S=1234567890112345678'],
  ])('is missing, and that is said, where %s', async (_what, limits) => {
    const bench = under(limits);
    const { child } = EVASIONS.find(({ what }) => what === 'clears it and calls setsid, its parent alive')!;
    const found = { killVerified: true, survivors: 0, isMarked: false, left: '' };
    expect(await cancelled(bench, child)).toEqual(found);
    // By the environment alone.
    expect(await cancelled(bench, (mark) => `(setsid sleep ${mark} &)`)).toEqual(found);
    const { record } = await bench.run({ program: { script: '(setsid sleep 300 &); sleep 300 &' } });
    expect(record.leftKilled).toBe(2);
  });

  it('may be removed by a command, which is cancelled all the same', async () => {
    const remove = 'ulimit -S -x unlimited 2>/dev/null || ulimit -S -w unlimited';
    expect(await cancelled(outside, (mark) => `${remove}; sleep ${mark} &`)).toEqual({
      killVerified: true,
      survivors: 0,
      isMarked: false,
      left: '',
    });
  });

  it('outlives the supervisor', async () => {
    const child = (mark: string): string => `( (env -i setsid sleep ${mark} &) &)`;
    const killSupervisor = async (commandId: string) => {
      await outside.sh(`read pid rest <'${scratch}/rdev/${commandId}/c/sup'; kill -KILL $pid`);
    };
    expect(await cancelled(outside, child, killSupervisor)).toEqual({
      killVerified: true,
      survivors: 0,
      isMarked: true,
      left: '',
    });
  });
});
