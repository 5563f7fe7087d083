import { randomInt } from 'node:crypto';
import { EVASIONS, grepFor, perlWithoutFirstThread } from '../../../test/support/scenarios/evasions.js';
import type { StartRequest } from '../src/index.js';
import { FIND_SPOOL, STOP_SUPERVISOR, aRequest, altered, drain, eventually } from './harness.js';
import type { Bench } from './harness.js';

/** Commands that try to escape. Each script prints `ready` when its processes are running. */
const EVASIVE: readonly (readonly [string, string])[] = [
  ['ignores SIGTERM', "trap '' TERM; echo ready; while :; do sleep 1; done"],
  ['keeps forking', "trap '' TERM; f() { while :; do sleep 0.05 & sleep 0.02; done; }; f & echo ready; f"],
  ['stops itself', 'echo ready; kill -STOP $$; sleep 300'],
  ['ends its first thread', `echo ready; exec ${perlWithoutFirstThread('300')}`],
];

/** Killed means gone. */
export function killContract(bench: () => Bench): void {
  it.each(EVASIVE)('cancels a command that %s', async (_what, script) => {
    const commandId = await bench().background({ program: { script } });
    const report = await bench().supervisor.cancel(commandId, 0.2);
    expect(report).toEqual({ killVerified: true, survivors: 0, isMarked: true });
    expect(await bench().processes(commandId)).toEqual([]);
    expect(await bench().record(commandId)).toMatchObject({ reason: 'cancelled', kill: report });
  });

  it.each(EVASIONS)('cancels a command with a child that $what', async ({ child }) => {
    const mark = `3000.${String(randomInt(1e8, 1e9))}`;
    const begun = `until ${grepFor(mark)} | grep -q .; do sleep 0.02; done; echo ready`;
    const commandId = await bench().background({ program: { script: `${child(mark)}\n${begun}\nsleep ${mark}` } });
    const report = await bench().supervisor.cancel(commandId, 0.1);
    expect(await bench().sh(`${grepFor(mark)}; true`)).toBe('');
    expect(report).toEqual({ killVerified: true, survivors: 0, isMarked: true });
  });

  it.each(EVASIVE)('ends by timeout a command that %s, with nobody attached', async (_what, script) => {
    const commandId = await bench().background({ program: { script }, timeoutSeconds: 0.4, graceSeconds: 0.2 });
    await eventually(async () => (await bench().processes(commandId)).length === 0, 'all are gone');
    const record = await bench().record(commandId);
    expect(record).toMatchObject({ reason: 'timed_out', kill: { killVerified: true, survivors: 0 } });
    expect(record.durationMs).toBeGreaterThanOrEqual(400);
  });

  it('lets the command end well within the grace', async () => {
    const script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    const commandId = await bench().background({ program: { script } });
    await bench().supervisor.cancel(commandId, 10);
    const { stdout, end } = await bench().follow(commandId);
    expect(stdout.toString()).toBe('ready\nbye\n');
    expect(end).toMatchObject({ record: { reason: 'cancelled', exitCode: 7, signal: null } });
  });

  it('returns null for cancelling a command that has ended or never existed', async () => {
    const request = aRequest();
    await drain(bench().start(request));
    expect(await bench().supervisor.cancel(request.commandId, 1)).toBeNull();
    expect(await bench().supervisor.cancel('cmd_unknown', 1)).toBeNull();
    expect(await bench().record(request.commandId)).toMatchObject({ reason: 'exited', exitCode: 0, kill: null });
  });

  it('ends a command as it ended when requests to cancel it come just then', async () => {
    // The supervisor finds them when it checks how the command ended; nothing has woken it before.
    const { record } = await bench().run({
      program: { script: `${FIND_SPOOL}; for i in 1 2 3; do echo 'cancel 0' 1<>"$c/ctl"; done; exit 3` },
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

  it('takes no other command for its own, whatever that has in its environment', async () => {
    // A process that sets its own limit is found by its environment.
    const script = 'ulimit -S -x unlimited || ulimit -S -w unlimited; echo ready; sleep 600';
    const commandId = await bench().background({ program: { script } });
    const other = await bench().background({
      program: { script: 'echo ready; sleep 600' },
      env: { PARENT_RDEV_COMMAND_ID: commandId },
    });
    await bench().supervisor.cancel(commandId, 0.1);
    expect(await bench().record(commandId)).toMatchObject({ reason: 'cancelled' });
    expect((await bench().processes(other)).length).toBeGreaterThan(0);
    await bench().supervisor.cancel(other, 0.1);
  });

  it('leaves the background alone when told to', async () => {
    const script = '(sleep 0.3; echo late; sleep 0.2; echo alive >&2; sleep 300) & echo early';
    const request = aRequest({ program: { script }, keepBackground: true, fallbackCwd: '/usr\n/bin' });
    const { stdout, end } = await drain(bench().start(request));
    expect(stdout.toString()).toBe('early\n');
    expect(end).toMatchObject({ record: { reason: 'exited', leftKilled: null, stored: { stdout: 6, stderr: 0 } } });
    expect((await bench().processes(request.commandId)).length).toBeGreaterThan(0);
    expect(await bench().supervisor.cancel(request.commandId, 0)).toBeNull();
    const kept = async () => (await bench().processes(request.commandId)).length > 0;
    await bench().supervisor.clear('/');
    expect(await kept()).toBe(true);
    // They are found when nothing else is left of the command, however old it is.
    await bench().supervisor.sweep([request.commandId], 3600);
    expect(await kept()).toBe(true);
    expect(await bench().supervisor.clear('/usr\n/bin')).toBe(0);
    expect(await kept()).toBe(false);
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
    expect(await bench().supervisor.signal(commandId, 'USR1')).toBe('sent');
    expect(await bench().record(commandId)).toMatchObject({ reason: 'exited', exitCode: 3 });
    expect(await bench().supervisor.signal(commandId, 'USR1')).toBe('ended');
    expect(await bench().supervisor.signal('cmd_unknown', 'USR1')).toBe('ended');
  });

  it('sends a signal to a command whose main process has only just started', async () => {
    const request = aRequest({
      program: { script: "trap 'echo got; exit 3' USR1; echo ready; while :; do sleep 0.05; done" },
    });
    for await (const { data } of bench().startSlowly(request).chunks) if (data.includes('ready')) break;
    expect(await bench().supervisor.signal(request.commandId, 'USR1')).toBe('sent');
    expect(await bench().record(request.commandId)).toMatchObject({ reason: 'exited', exitCode: 3 });
  });

  it('is not held up by a command that stops its supervisor and what that runs', async () => {
    const script = `echo ready; ${STOP_SUPERVISOR}; echo more; exit 3`;
    const commandId = await bench().background({ program: { script } });
    await bench().stopped(commandId);
    await bench().supervisor.cancel(commandId, 0);
    const { stdout, end } = await bench().follow(commandId);
    expect([stdout.toString(), end.kind]).toEqual(['ready\nmore\n', 'ended']);
    expect(end).toMatchObject({ record: { reason: expect.stringMatching(/exited|cancelled/) as string } });
    const siblings =
      'for f in /proc/[0-9]*/stat; do read -r p name s parent rest <$f; [ "$parent" = $PPID ] && [ $p != $$ ] && kill -STOP $p; done';
    const { stdout: kept, record } = await bench().run({
      program: { script: `${siblings} 2>/dev/null; echo end; exit 4` },
    });
    expect([kept.toString(), record.exitCode]).toEqual(['end\n', 4]);
  });

  it('kills a supervisor that does not react, with its command, and says so', async () => {
    const commandId = await bench().background({ program: { script: 'echo ready; kill -STOP $PPID; exec sleep 300' } });
    await bench().stopped(commandId);
    // A short deadline, and a SIGSTOP in place of the supervisor's SIGCONT.
    const hasty = altered(bench().place, [
      ['r_until=$((r_now + 15000))', 'r_until=$((r_now + 00100))'],
      ['kill -CONT "-$r_sup"', 'kill -STOP "-$r_sup"'],
    ]);
    expect(await hasty.cancel(commandId, 0)).toMatchObject({ killVerified: true, survivors: 0 });
    expect((await bench().follow(commandId)).end).toEqual({
      kind: 'supervisor-gone',
      detail: 'The supervisor did not react to the request to end the command, and was killed.',
    });
    expect(await bench().processes(commandId)).toEqual([]);
  });
}
