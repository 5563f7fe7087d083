import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { THOROUGH } from '../../../test/support/thorough.js';
import { openLocalChannel } from '@app/channel';
import type { Standbys } from '../src/index.js';
import { describeSupervisor } from './index.js';

const SYSTEM = '/usr/local/bin:/usr/bin:/bin';

export const SHELLS = ['dash', 'bash', 'busybox'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The contract with that program as `sh`; reported as skipped if this machine does not have it, or if another shell
 * suffices.
 */
export function describeUnder(name: Shell, standbys?: Standbys): void {
  const title = standbys === undefined ? name : `${name}, with a launcher that waits`;
  if (!isChosen(name) || (standbys !== undefined && !THOROUGH)) {
    describe.skip(`Supervisor: ${title}`, () => {
      it(which(name) === null ? 'is not on this machine' : 'is tried when TEST_THOROUGH is set', () => undefined);
    });
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'rdev-supervisor-'));
  afterAll(() => {
    standbys?.close();
    rmSync(scratch, { recursive: true, force: true });
  });
  const PATH = pathWith(name, scratch);
  describeSupervisor(title, () => {
    const spoolDir = join(scratch, `spool ${name}`);
    return {
      open: openLocalChannel({ cwd: '/', env: { PATH, LANG: 'C.UTF-8' } }),
      spoolDir,
      ...(standbys && { standbys }),
    };
  });
}

/** A `PATH` with that shell as `sh`, in a new directory below the given one. */
export function pathWith(name: Shell, directory: string): string {
  const program = which(name) ?? name;
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  // For busybox all programs are its own: nothing of the system is on the path.
  for (const link of name === 'busybox' ? applets(program) : ['sh']) symlinkSync(program, join(bin, link));
  return name === 'busybox' ? bin : `${bin}:${SYSTEM}`;
}

/** Each shell takes a minute or two. Only thorough runs test all; others test the one that is `sh` here. */
export function isChosen(name: Shell): boolean {
  const own = basename(realpathSync('/bin/sh'));
  const one = SHELLS.find((shell) => shell === own) ?? SHELLS.find((shell) => which(shell) !== null);
  return which(name) !== null && (name === one || THOROUGH);
}

function applets(busybox: string): string[] {
  return execFileSync(busybox, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((applet) => applet !== '');
}

function which(program: string): string | null {
  return ['/bin', '/usr/bin'].map((directory) => join(directory, program)).find((path) => existsSync(path)) ?? null;
}
