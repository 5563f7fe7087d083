import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHELLS, isChosen, pathWith } from '../testing/describe-under.js';
import { FIND_SPOOL } from '../testing/harness.js';
import { Bench, aRequest, drain } from '../testing/index.js';
import { openLocalChannel } from '@app/channel';

// Not in /tmp, which is mounted over.
const scratch = mkdtempSync('/var/tmp/rdev-directories-');
const SEES = `${FIND_SPOOL}; echo "\${c%/*/c}"`;
// Mounting requires root. Without it these tests are reported as skipped.
const canMount = attempt(() => execFileSync('unshare', ['-m', 'mount', '--bind', scratch, scratch]));

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** What is wrong with a directory, how to set that up before mounting and by a mount, and the expected message. */
const UNFIT: readonly (readonly [string, (directory: string) => void, string, RegExp])[] = [
  ['is read-only', () => undefined, 'mount -o remount,bind,ro /tmp', /'\/tmp\/rdev': Read-only file system/],
  ['has a file of that name', makeFile, 'true', /'\/tmp\/rdev': File exists/],
  ['has a link of that name', makeLink, 'true', /\/tmp\/rdev: it belongs/],
  ['has a directory of another user of that name', makeForeign, 'true', /\/tmp\/rdev: it belongs to another user/],
  ['takes no files', () => undefined, 'mount -t proc proc /tmp', /'\/tmp\/rdev': No such file or directory/],
];

(canMount ? describe : describe.skip)('The spool directory', () => {
  describe.each(SHELLS.filter(isChosen))('with %s', (shell) => {
    const own = mkdtempSync(join(scratch, 'shell-'));
    const PATH = pathWith(shell, own);

    /** A container whose /tmp and /dev/shm are these directories, with further mounts. */
    function container(tmp: string, shm: string, mounts: string): Bench {
      const open = openLocalChannel({ cwd: '/', env: { PATH: '/usr/bin:/bin' } });
      const enter = `mount --bind ${tmp} /tmp && mount --bind ${shm} /dev/shm && ${mounts} && exec env -i PATH=${PATH} "$@"`;
      return new Bench({
        open: (argv, signal) => open(['unshare', '-m', 'sh', '-c', enter, 'sh', ...argv], signal),
        spoolDir: null,
      });
    }
    const directory = (): string => mkdtempSync(join(own, 'd-'));

    it.each(UNFIT)('is the next one where the first %s', async (_what, prepare, mounts) => {
      const tmp = directory();
      prepare(tmp);
      const bench = container(tmp, directory(), mounts);
      const request = aRequest({ program: { script: SEES } });
      const first = await drain(bench.start(request));
      expect([first.opened, first.stdout.toString()]).toEqual(['started', '/dev/shm/rdev\n']);
      expect((await drain(bench.start(request))).opened).toBe('taken');
    });

    it.each(UNFIT)('is none where each %s, and why is said', async (_what, prepare, mount, why) => {
      const tmp = directory();
      prepare(tmp);
      const mounts = `${mount} && mount --rbind /tmp /dev/shm`;
      const { end } = await drain(container(tmp, directory(), mounts).start(aRequest()));
      const inShm = new RegExp(why.source.replace('tmp', 'dev\\/shm'));
      const detail = expect.stringMatching(new RegExp(`${why.source}.*; .*${inShm.source}`)) as string;
      expect(end).toEqual({ kind: 'unsupported', detail });
    });

    it('is not the next one where the first is full, as it may be only for one of those that start the command', async () => {
      const mounts = 'mount -t tmpfs -o size=8k,nr_inodes=3 tmpfs /tmp';
      const { end } = await drain(container(directory(), directory(), mounts).start(aRequest()));
      expect(end).toMatchObject({ kind: 'unsupported', detail: expect.stringContaining('No space left') as string });
    });
  });
});

function makeFile(directory: string): void {
  writeFileSync(join(directory, 'rdev'), '');
}

function makeLink(directory: string): void {
  symlinkSync('/var/tmp', join(directory, 'rdev'));
}

function makeForeign(directory: string): void {
  mkdirSync(join(directory, 'rdev'));
  chownSync(join(directory, 'rdev'), 65534, 65534);
}

function attempt(setUp: () => unknown): boolean {
  try {
    setUp();
    return true;
  } catch {
    return false;
  }
}
