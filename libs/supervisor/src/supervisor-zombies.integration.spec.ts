import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SHELLS, isChosen, pathWith } from '../testing/describe-under.js';
import { eventually, read } from '../testing/harness.js';
import { Bench, START, aRequest, drain } from '../testing/index.js';
import { openLocalChannel } from '@app/channel';

jest.setTimeout(180_000);

const scratch = mkdtempSync(join(tmpdir(), 'rdev-zombies-'));
// Creating a PID namespace requires root. Without it these tests are reported as skipped.
const canUnshare = attempt(() => execFileSync('unshare', ['-pf', '--mount-proc', 'true']));

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

(canUnshare ? describe : describe.skip)('Where process 1 reaps nothing', () => {
  describe.each(SHELLS.filter(isChosen))('with %s', (shell) => {
    const own = mkdtempSync(join(scratch, 'shell-'));
    const PATH = pathWith(shell, own);
    let namespace: ChildProcess | undefined;
    const ids = (parent: string): string[] =>
      readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').match(/\d+/g) ?? [];
    let init = '';
    let bench: Bench;
    let before = 0;

    beforeAll(async () => {
      const argv = ['-pf', '--mount-proc', '--kill-child', 'sleep', 'infinity'];
      const { pid } = (namespace = spawn('unshare', argv, { stdio: 'ignore' }));
      await eventually(async () => {
        [init = ''] = ids(String(pid));
        return Promise.resolve(init !== '' && readFileSync(`/proc/${init}/comm`, 'utf8') === 'sleep\n');
      }, 'process 1 is there');
      const open = openLocalChannel({ cwd: '/', env: { PATH: '/usr/bin:/bin' } });
      const enter = ['nsenter', '-t', init, '-p', '-m', 'env', '-i', `PATH=${PATH}`];
      bench = new Bench({ open: (argv, signal) => open([...enter, ...argv], signal), spoolDir: join(own, 'spool') });
    });
    beforeEach(() => {
      before = ids(init).length;
    });
    afterAll(() => namespace?.kill('SIGKILL'));

    /** Children of process 1, when none of them is alive. */
    async function left(): Promise<number> {
      const isZombie = (pid: string): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
      await eventually(() => Promise.resolve(ids(init).every(isZombie)), 'all have ended');
      return ids(init).length - before;
    }

    it('a command leaves nothing when it ends, is cancelled or times out', async () => {
      await bench.run();
      const stuck = { script: 'echo ready; exec sleep 60' };
      await bench.run({ program: stuck, timeoutSeconds: 0.2, graceSeconds: 0.1 });
      const request = aRequest({ program: stuck });
      const attachment = bench.start(request);
      const end = read(attachment);
      await attachment.opened;
      await bench.supervisor.cancel(request.commandId, 0.1);
      await end;
      await attachment.acknowledge();
      expect(await left()).toBe(0);
    });

    it('a command whose stdin is open leaves nothing, whether it reads that or not', async () => {
      for (const script of ['cat >/dev/null', 'sleep 0.5']) {
        const request = aRequest({ program: { script }, stdin: { kind: 'open' } });
        const attachment = bench.start(request);
        await attachment.opened;
        await bench.supervisor.write(request.commandId, { data: Buffer.alloc(200_000), offset: 0, eof: true });
        await read(attachment);
        await attachment.acknowledge();
      }
      expect(await left()).toBe(0);
    });

    it('attachments that break leave nothing; a supervisor whose launcher has gone is process 1’s', async () => {
      const request = aRequest({ program: { script: 'sleep 2' } });
      const attachment = bench.start(request);
      await attachment.opened;
      const other = bench.supervisor.attach(request.commandId, START);
      await other.opened;
      other.close();
      await read(attachment);
      await attachment.acknowledge();
      expect(await left()).toBe(0);
      const commandId = await bench.background({ program: { script: 'echo ready; exec sleep 60' } });
      await eventually(async () => (await bench.attached(commandId)) === 0, 'the launcher is gone');
      await bench.supervisor.cancel(commandId, 0);
      await drain(bench.supervisor.attach(commandId, START));
      expect(await left()).toBe(1);
    });
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
