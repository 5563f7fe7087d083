import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLocalChannel } from '../src/index.js';
import { describeSupervisor } from './index.js';

const SYSTEM = '/usr/local/bin:/usr/bin:/bin';

/** The contract with that program as `sh`; left out, and said so, where this machine does not have it. */
export function describeUnder(name: 'dash' | 'bash' | 'busybox'): void {
  const program = which(name);
  if (program === null) {
    describe.skip(`Supervisor: ${name}`, () => {
      it('is not on this machine', () => undefined);
    });
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'rdev-supervisor-'));
  afterAll(() => {
    rmSync(scratch, { recursive: true, force: true });
  });
  const bin = join(scratch, 'bin');
  mkdirSync(bin);
  // With busybox all programs are its own: nothing of the system is on the path.
  for (const link of name === 'busybox' ? applets(program) : ['sh']) symlinkSync(program, join(bin, link));
  const PATH = name === 'busybox' ? bin : `${bin}:${SYSTEM}`;
  describeSupervisor(name, () => {
    const spoolDir = join(scratch, `spool ${name}`);
    return { open: openLocalChannel({ cwd: '/', env: { PATH, LANG: 'C.UTF-8' } }), spoolDir };
  });
}

function applets(busybox: string): string[] {
  return execFileSync(busybox, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((applet) => applet !== '');
}

function which(program: string): string | null {
  return ['/bin', '/usr/bin'].map((directory) => join(directory, program)).find((path) => existsSync(path)) ?? null;
}
