import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSupervisor } from '../testing/index.js';
import { openLocalChannel } from './local-channel.js';

jest.setTimeout(30_000);

const scratch = mkdtempSync(join(tmpdir(), 'rdev-supervisor-'));
const SYSTEM = '/usr/local/bin:/usr/bin:/bin';
const busybox = which('busybox');
const dash = which('dash');
const bash = which('bash');

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

contract('dash', dash !== null, () => `${binWith('dash', { sh: dash ?? '' })}:${SYSTEM}`);
contract('bash', bash !== null, () => `${binWith('bash', { sh: bash ?? '' })}:${SYSTEM}`);
// All programs are busybox's: nothing of the system is on the path.
contract('busybox', busybox !== null, () =>
  binWith('busybox', Object.fromEntries(applets().map((applet) => [applet, busybox ?? '']))),
);

function contract(name: string, isPresent: boolean, path: () => string): void {
  if (!isPresent) {
    describe.skip(`Supervisor: ${name}`, () => {
      it('is not on this machine', () => undefined);
    });
    return;
  }
  describeSupervisor(name, () => {
    const spoolDir = join(scratch, `spool ${name}`);
    return { open: openLocalChannel({ cwd: '/', env: { PATH: path(), LANG: 'C.UTF-8' } }), spoolDir };
  });
}

function binWith(name: string, links: Record<string, string>): string {
  const directory = join(scratch, `bin-${name}`);
  mkdirSync(directory);
  for (const [link, target] of Object.entries(links)) symlinkSync(target, join(directory, link));
  return directory;
}

function applets(): string[] {
  return execFileSync(busybox ?? '', ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((applet) => applet !== '');
}

function which(program: string): string | null {
  return ['/bin', '/usr/bin'].map((directory) => join(directory, program)).find((path) => existsSync(path)) ?? null;
}
