import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { START, aRequest, drain } from '../testing/index.js';
import { PROGRAMS, exercise } from '../testing/programs-contract.js';
import { openLocalChannel } from '@app/channel';
import { Supervisor } from './supervisor.js';

const scratch = mkdtempSync(join(tmpdir(), 'rdev-programs-'));
const SYSTEM = '/usr/bin:/bin';
// The container runtime finds the shell, in the PATH of the container.
const OTHERS = PROGRAMS.filter((name) => name !== 'sh');

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('Supervisor in a container whose PATH begins with a directory of the project', () => {
  it.each(OTHERS)('does not take %s from there', async (program) => {
    const directory = mkdtempSync(join(scratch, 'tools-'));
    fake(join(directory, program), `:>'${join(directory, 'ran')}'`);
    const open = openLocalChannel({ cwd: '/', env: { PATH: `${directory}:${SYSTEM}` } });
    const { stdout, end } = await exercise(new Supervisor(open, join(scratch, 'spool')), directory);
    expect(stdout.toString()).toBe('ready\ngot it\n');
    expect(end).toMatchObject({ kind: 'ended', record: { reason: 'cancelled', kill: { killVerified: true } } });
    expect(existsSync(join(directory, 'ran'))).toBe(false);
  });
});

describe('Supervisor in a container where a program was replaced by one that does nothing', () => {
  /** The only directory of the PATH. */
  function replacing(program: string): Supervisor {
    const directory = mkdtempSync(join(scratch, 'bin-'));
    for (const name of [...PROGRAMS, 'tr'].filter((name) => name !== program))
      symlinkSync(which(name), join(directory, name));
    fake(join(directory, program), 'exit 0');
    return new Supervisor(openLocalChannel({ cwd: '/', env: { PATH: directory } }), join(scratch, 'spool'));
  }

  it.each(['cat', 'grep', 'mkfifo', 'mv', 'rm', 'sleep', 'tail', 'wc'])(
    'reports no success without its output: %s',
    async (program) => {
      const supervisor = replacing(program);
      const request = aRequest({
        program: { script: 'i=0; while [ $i -lt 9 ]; do echo 0123456789; i=$((i+1)); done' },
        outputLimitBytes: 32,
      });
      const outcome = await drain(supervisor.run(request, START));
      const { stdout, end } = outcome;
      if (end.kind === 'ended') {
        expect(stdout.length).toBe(end.record.stored.stdout);
        if (stdout.length < 32) expect(end.record.produced.stdout).toBeGreaterThan(stdout.length);
      }
    },
  );

  it('counts what it cannot store when dd is replaced while a command runs', async () => {
    const directory = mkdtempSync(join(scratch, 'bin-'));
    for (const name of [...PROGRAMS, 'tr']) symlinkSync(which(name), join(directory, name));
    const supervisor = new Supervisor(openLocalChannel({ cwd: '/', env: { PATH: directory } }), join(scratch, 'spool'));
    // Short reads, so that one dd is not enough for all of it.
    const script = `rm dd; printf '#!/bin/sh\n' >dd; chmod 755 dd
      i=0; while [ $i -lt 150 ]; do echo 1234; sleep 0.01; i=$((i+1)); done`;
    const request = aRequest({ program: { script }, cwd: directory, env: { PATH: SYSTEM }, outputLimitBytes: 1000 });
    const { stdout, end } = await drain(supervisor.run(request, START));
    expect(stdout.length).toBeLessThan(750);
    expect(end).toMatchObject({ kind: 'ended' });
    if (end.kind === 'ended') expect(end.record.produced.stdout).toBeGreaterThanOrEqual(750);
  });

  it('ends what runs all the same: grep', async () => {
    const supervisor = replacing('grep');
    const request = aRequest({
      program: { script: "echo ready; trap '' TERM; while :; do read x; done" },
      timeoutSeconds: 0.5,
      graceSeconds: 0.1,
    });
    const { end } = await drain(supervisor.run(request, START));
    expect(end).toMatchObject({ record: { reason: 'timed_out', kill: { killVerified: true, survivors: 0 } } });
  });
});

function which(program: string): string {
  return execFileSync('which', [program], { encoding: 'utf8' }).trim();
}

function fake(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
