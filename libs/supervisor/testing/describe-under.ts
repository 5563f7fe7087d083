import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { THOROUGH } from '../../../test/support/thorough.js';
import { openLocalChannel } from '../src/index.js';
import { describeSupervisor } from './index.js';

const SYSTEM = '/usr/local/bin:/usr/bin:/bin';

const SHELLS = ['dash', 'bash', 'busybox'] as const;

/** The contract with that program as `sh`; left out, and said so, where this machine does not have it, or another one will do. */
export function describeUnder(name: (typeof SHELLS)[number]): void {
  const program = which(name);
  if (program === null || !isChosen(name)) {
    describe.skip(`Supervisor: ${name}`, () => {
      it(program === null ? 'is not on this machine' : 'is tried when TEST_THOROUGH is set', () => undefined);
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

/** Each takes a minute or two. Unless they are to be thorough, tests take the one that is `sh` here. */
function isChosen(name: string): boolean {
  const own = basename(realpathSync('/bin/sh'));
  const one = SHELLS.find((shell) => shell === own) ?? SHELLS.find((shell) => which(shell) !== null);
  return name === one || THOROUGH;
}

function applets(busybox: string): string[] {
  return execFileSync(busybox, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((applet) => applet !== '');
}

function which(program: string): string | null {
  return ['/bin', '/usr/bin'].map((directory) => join(directory, program)).find((path) => existsSync(path)) ?? null;
}
