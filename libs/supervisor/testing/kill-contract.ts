import type { StartRequest } from '../src/index.js';
import { aRequest, drain, eventually } from './harness.js';
import type { Bench } from './harness.js';

/** Children that try to get away. Each script prints `ready` when its processes are there. */
const EVASIVE: readonly (readonly [string, string])[] = [
  ['ignores SIGTERM', "trap '' TERM; echo ready; while :; do sleep 1; done"],
  ['calls setsid', 'setsid sleep 300 & echo ready; wait'],
  ['forks twice', '(sleep 300 & sleep 300 &) ; sleep 0.05; echo ready; sleep 300'],
  ['uses nohup', 'nohup sleep 300 >/dev/null 2>&1 & echo ready; sleep 300'],
  [
    'forks twice with setsid and ignores SIGTERM',
    "(trap '' TERM; setsid sh -c 'sleep 300; sleep 300' &) ; sleep 0.05; echo ready; sleep 300",
  ],
  ['forks 200 times', 'i=0; while [ $i -lt 200 ]; do sleep 300 & i=$((i+1)); done; echo ready; wait'],
  ['keeps forking', "trap '' TERM; f() { while :; do sleep 0.05 & sleep 0.02; done; }; f & echo ready; f"],
  ['clears the environment', 'env -i sleep 300 & echo ready; wait'],
  ['is stopped', 'sleep 300 & kill -STOP $!; echo ready; wait'],
  ['stops itself', 'echo ready; kill -STOP $$; sleep 300'],
];

/** Killed means gone. */
export function killContract(bench: () => Bench): void {
  it.each(EVASIVE)('cancels a command that %s', async (_what, script) => {
    const commandId = await bench().background({ program: { script } });
    const report = await bench().supervisor.cancel(commandId, 0.2);
    expect(report).toMatchObject({ killVerified: true, survivors: 0 });
    expect(await bench().processes(commandId)).toEqual([]);
    expect(await bench().record(commandId)).toMatchObject({ reason: 'cancelled', kill: report });
  });

  it.each(EVASIVE.slice(0, 5))('ends by timeout a command that %s, with nobody attached', async (_what, script) => {
    const commandId = await bench().background({ program: { script }, timeoutSeconds: 0.4, graceSeconds: 0.2 });
    await eventually(async () => (await bench().processes(commandId)).length === 0, 'all are gone');
    const record = await bench().record(commandId);
    expect(record).toMatchObject({ reason: 'timed_out', kill: { killVerified: true, survivors: 0 } });
    expect(record.durationMs).toBeGreaterThanOrEqual(400);
  });

  it('counts a process that it cannot tell the owner of', async () => {
    // It has left the tree and hidden its environment: nothing leads to it, but it is there.
    const mark = `3000.${String(Date.now())}`;
    const own = mark.replace('.', '[.]');
    const script = `(env -i setsid sleep ${mark} &); until grep -qs '${own}' /proc/[0-9]*/cmdline; do sleep 0.02; done; echo ready; sleep 300`;
    const commandId = await bench().background({ program: { script } });
    const report = await bench().supervisor.cancel(commandId, 0);
    expect(report).toMatchObject({ killVerified: true, survivors: 0 });
    expect(report?.uninspectable).toBeGreaterThanOrEqual(1);
    await bench().sh(
      `for f in $(grep -ls '${own}' /proc/[0-9]*/cmdline); do f=\${f%/cmdline}; kill -9 "\${f#/proc/}"; done`,
    );
  });

  it('lets the command end well within the grace', async () => {
    const script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    const commandId = await bench().background({ program: { script } });
    await bench().supervisor.cancel(commandId, 10);
    const { stdout, end } = await bench().follow(commandId);
    expect(stdout.toString()).toBe('ready\nbye\n');
    expect(end).toMatchObject({ record: { reason: 'cancelled', exitCode: 7, signal: null } });
  });

  it('answers null to the cancelling of what has ended or never was', async () => {
    const request = aRequest();
    await drain(bench().start(request));
    expect(await bench().supervisor.cancel(request.commandId, 1)).toBeNull();
    expect(await bench().supervisor.cancel('cmd_unknown', 1)).toBeNull();
    expect(await bench().record(request.commandId)).toMatchObject({ reason: 'exited', exitCode: 0, kill: null });
  });

  it('ends a command as it ended when requests to cancel it come just then', async () => {
    // The supervisor finds them when it looks at how the command ended; nothing has woken it before.
    const { record } = await bench().run({
      program: { script: `for i in 1 2 3; do echo 'cancel 0' 1<>"\${0%/*}/ctl"; done; exit 3` },
    });
    expect(['exited', 'cancelled']).toContain(record.reason);
    expect(record.exitCode).toBe(3);
  });

  it('ends a command that is silent for too long', async () => {
    const silent = { program: { script: 'echo ready; sleep 300' }, noOutputTimeoutSeconds: 0.5, graceSeconds: 0.2 };
    const { record } = await bench().run(silent);
    expect(record).toMatchObject({ reason: 'no_output', kill: { killVerified: true } });
    expect(record.durationMs).toBeLessThan(3000);
    const chatty = 'i=0; while [ $i -lt 12 ]; do echo $i; sleep 0.1; i=$((i+1)); done';
    expect((await bench().run({ ...silent, program: { script: chatty } })).record.reason).toBe('exited');
    expect((await bench().run({ ...silent, program: { script: chatty }, outputLimitBytes: 2 })).record.reason).toBe(
      'exited',
    );
  });

  it('kills what the main process leaves behind, and says how much', async () => {
    const script = 'sleep 300 & setsid sleep 300 & (sleep 300 &); sleep 0.05; echo done';
    const { stdout, record } = await bench().run({ program: { script } });
    expect([stdout.toString(), record.reason, record.leftKilled]).toEqual(['done\n', 'exited', 3]);
  });

  it('leaves the background alone when told to', async () => {
    const script = '(sleep 0.3; echo late; sleep 0.2; echo alive >&2; sleep 300) & echo early';
    const request = aRequest({ program: { script }, keepBackground: true });
    const { stdout, end } = await drain(bench().start(request));
    expect(stdout.toString()).toBe('early\n');
    expect(end).toMatchObject({ record: { reason: 'exited', leftKilled: null, stored: { stdout: 6, stderr: 0 } } });
    expect((await bench().processes(request.commandId)).length).toBeGreaterThan(0);
    expect(await bench().supervisor.cancel(request.commandId, 0)).toBeNull();
    await bench().killProcesses(request.commandId);
    await eventually(async () => (await bench().processes(request.commandId)).length === 0, 'the test cleaned up');
  });

  it('stores everything that was written before the end, though others hold the pipe', async () => {
    const script = 'sleep 300 & head -c 200000 /dev/zero; echo end >&2';
    for (const keepBackground of [false, true]) {
      const request: StartRequest = aRequest({ program: { script }, keepBackground });
      const { stdout, stderr } = await drain(bench().start(request));
      expect([stdout.length, stderr.toString()]).toEqual([200_000, 'end\n']);
      if (keepBackground) await bench().killProcesses(request.commandId);
    }
  });

  it('counts everything beyond the limit that was written before the end, though others hold the pipe', async () => {
    for (let outputLimitBytes = 2_000; outputLimitBytes < 62_000; outputLimitBytes += 12_000) {
      const script = 'sleep 5 & head -c 62000 /dev/zero';
      const { record } = await bench().run({ program: { script }, outputLimitBytes, keepBackground: true });
      expect(record).toMatchObject({ stored: { stdout: outputLimitBytes }, produced: { stdout: 62_000 } });
    }
  });

  it('sends signals', async () => {
    const script = "trap 'echo got; exit 3' USR1; echo ready; while :; do sleep 0.05; done";
    const commandId = await bench().background({ program: { script } });
    // USR1 reaches all processes; the children of the shell die of it.
    expect(await bench().supervisor.signal(commandId, 'USR1')).toBe(true);
    expect(await bench().record(commandId)).toMatchObject({ reason: 'exited', exitCode: 3 });
    expect(await bench().supervisor.signal(commandId, 'USR1')).toBe(false);
    expect(await bench().supervisor.signal('cmd_unknown', 'USR1')).toBe(false);
  });
}
