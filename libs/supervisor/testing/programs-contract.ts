import { Supervisor } from '../src/index.js';
import { START, aRequest, drain, eventually, read } from './harness.js';
import type { Bench, Outcome, Place } from './harness.js';

/** All programs that the supervisor runs. */
export const PROGRAMS = 'cat dd env find grep mkdir mkfifo mv perl rm setsid sh sleep tail wc'.split(' ');

/** Waits until it is cancelled; only with builtins. */
const WAIT = 'echo ready; read x; echo "got $x"; read y';

/** A command chooses the programs that it runs, not those of its supervisor. */
export function programsContract(bench: () => Bench): void {
  let fakes = '';

  beforeAll(async () => {
    // Each leaves a trace and succeeds.
    const make = `d=/tmp/rdev-fakes.$$
      for p in own ${PROGRAMS.join(' ')}; do
        mkdir -p $d/$p && printf '#!/bin/sh\n:>%s/ran\n' $d/$p >$d/$p/$p && chmod 755 $d/$p/$p || exit
      done; echo $d`;
    fakes = (await bench().sh(make)).trim();
    expect(fakes).not.toBe('');
  });
  afterAll(() => bench().sh(`rm -rf '${fakes}'`));

  it.each(PROGRAMS)('are not found in the directory or the PATH of a command: %s', async (program) => {
    const directory = `${fakes}/${program}`;
    const { place } = bench();
    const supervisor = new Supervisor(within(place, directory), place.spoolDir);
    const { stdout, end } = await exercise(supervisor, directory);
    expect(stdout.toString()).toBe('ready\ngot it\n');
    expect(end).toMatchObject({ kind: 'ended', record: { reason: 'cancelled', kill: { killVerified: true } } });
    expect(await bench().sh(`ls '${directory}'`)).toBe(`${program}\n`);
  });

  it('are those of the container for the command, in the order of its PATH', async () => {
    const { place } = bench();
    const directory = `${fakes}/own`;
    const supervisor = new Supervisor(within(place, directory), place.spoolDir);
    const run = async (env: Record<string, string>): Promise<string> => {
      const request = aRequest({
        program: { script: 'echo "$PATH"; own && [ -e ran ] && echo ran' },
        env,
        cwd: directory,
      });
      const { stdout } = await drain(supervisor.run(request, START));
      await bench().sh(`rm -f '${directory}/ran'`);
      return stdout.toString();
    };
    expect(await run({})).toMatch(/^:\.:\/.*\nran\n$/);
    expect(await run({ PATH: directory })).toBe(`${directory}\nran\n`);
  });
}

/** Starts, writes, attaches, cancels and sweeps. */
export async function exercise(supervisor: Supervisor, directory: string): Promise<Outcome> {
  const request = aRequest({
    program: { script: WAIT },
    env: { PATH: `${directory}:.` },
    cwd: directory,
    stdin: { kind: 'open' },
    timeoutSeconds: 30,
    noOutputTimeoutSeconds: 20,
  });
  const attachment = supervisor.run(request, START);
  const first = read(attachment);
  expect(await attachment.opened).toBe('started');
  await supervisor.write(request.commandId, { data: Buffer.from('it\n'), offset: 0, eof: false });
  await supervisor.signal(request.commandId, 'WINCH');
  const again = supervisor.attach(request.commandId, START);
  const following = read(again);
  await eventually(async () => (await spoolSize(supervisor, request.commandId)) === 13, 'the output is stored');
  await supervisor.cancel(request.commandId, 0);
  const outcome = await following;
  expect((await first).stdout).toEqual(outcome.stdout);
  await again.acknowledge();
  await supervisor.sweep([], 3600);
  return outcome;
}

/** The number of stored bytes, which an attachment beyond them reports. */
async function spoolSize(supervisor: Supervisor, commandId: string): Promise<number> {
  const { end } = await drain(supervisor.attach(commandId, { stdout: 1e6, stderr: 0 }));
  return end.kind === 'spool-short' ? end.spool.stdout : 0;
}

/** Channels into a container whose PATH begins with the current directory, in which they start. */
function within({ open }: Place, directory: string): Place['open'] {
  const enter = `sh=$(command -v sh); cd '${directory}' && PATH=:.:$PATH && shift && exec "$sh" "$@"`;
  return (argv, signal) => open(['sh', '-c', enter, 'sh', ...argv], signal);
}
