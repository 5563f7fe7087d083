import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench, START, aRequest, drain } from '../testing/index.js';
import type { Outcome } from '../testing/index.js';
import { openLocalChannel } from '@app/channel';
import { Supervisor } from './supervisor.js';

const scratch = mkdtempSync(join(tmpdir(), 'rdev-faults-'));
const open = openLocalChannel({ cwd: '/', env: { PATH: '/usr/local/bin:/usr/bin:/bin' } });
const small = join(scratch, 'small');
// A full disk and a process limit require root. Without it these tests are reported as skipped.
const canMount = attempt(() => {
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small], { stdio: 'ignore' });
});
const canLimit = attempt(() =>
  execFileSync('setpriv', ['--reuid=65533', '--clear-groups', 'prlimit', '--nproc=80', 'true'], { stdio: 'ignore' }),
);

afterAll(() => {
  if (canMount) execFileSync('umount', [small]);
  rmSync(scratch, { recursive: true, force: true });
});

(canMount ? describe : describe.skip)('Supervisor on a full disk', () => {
  it('keeps the exit record, and does not call the output complete', async () => {
    const bench = new Bench({ open, spoolDir: small });
    const { stdout, stderr, record } = await bench.run({
      program: { script: 'head -c 3000000 /dev/zero; echo end >&2; exit 3' },
    });
    expect(record).toMatchObject({ reason: 'exited', exitCode: 3 });
    expect([stdout.length, stderr.length]).toEqual([record.stored.stdout, record.stored.stderr]);
    expect(record.produced.stdout).toBeGreaterThan(record.stored.stdout);
  });

  it('starts nothing when there is no room for a request', async () => {
    const bench = new Bench({ open, spoolDir: small });
    const stdin = { kind: 'text', text: 'x'.repeat(400_000) } as const;
    const request = aRequest({ program: { argv: ['cat'] }, stdin });
    expect((await drain(bench.start(request))).end.kind).toBe('unsupported');
    expect((await bench.run({ program: { script: 'echo room again' } })).stdout.toString()).toBe('room again\n');
  });
});

describe('Supervisor in a container without a program that it needs', () => {
  it.each(['dd', 'grep'])('says that %s is missing, and starts nothing', async (program) => {
    const bin = mkdtempSync(join(scratch, 'bin-'));
    for (const name of 'sh cat dd env grep mkdir mkfifo mv rm setsid sleep tail tr wc'.split(' '))
      if (name !== program) symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(bin, name));
    const without = new Bench({ open: openLocalChannel({ cwd: '/', env: { PATH: bin } }), spoolDir: scratch });
    const { opened, end } = await drain(without.start(aRequest()));
    expect([opened, end]).toEqual([
      null,
      { kind: program === 'dd' ? 'refused' : 'unsupported', detail: `The program ${program} is missing.` },
    ]);
  });
});

(canLimit ? describe : describe.skip)('Supervisor in a container that is out of processes', () => {
  it('still kills all', async () => {
    const spoolDir = join(scratch, 'spool');
    execFileSync('chmod', ['755', scratch]);
    mkdirSync(spoolDir);
    execFileSync('chmod', ['777', spoolDir]);
    const limited = new Supervisor(
      (argv, signal) => open(['setpriv', '--reuid=65533', '--clear-groups', 'prlimit', '--nproc=80', ...argv], signal),
      spoolDir,
    );
    const bomb =
      "trap '' TERM; b() { while :; do env -i setsid sleep 300 & done; }; echo ready; while :; do (b) 2>/dev/null; done";
    const request = aRequest({ program: { script: bomb }, timeoutSeconds: 1, graceSeconds: 0.2 });
    // Attaching needs processes too, so it may fail until some are free.
    let outcome: Outcome = await drain(limited.run(request, START));
    while (['dropped', 'record-unusable'].includes(outcome.end.kind))
      outcome = await drain(limited.attach(request.commandId, START));
    expect(['ended', 'supervisor-gone']).toContain(outcome.end.kind);
    const watcher = new Bench({ open, spoolDir: join(scratch, 'watcher') });
    expect(await watcher.processes(request.commandId)).toEqual([]);
    expect(await watcher.sh("grep -l '^Uid:.65533' $(grep -LE '^State:.Z' /proc/[0-9]*/status); true")).toBe('');
  });
});

function attempt(setUp: () => unknown): boolean {
  try {
    setUp();
    return true;
  } catch {
    return false;
  }
}
