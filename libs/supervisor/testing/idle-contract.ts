import { FIND_SPOOL } from './harness.js';
import type { Bench } from './harness.js';

/** Prints the time and what the supervisor has done so far. */
const WORK = `${FIND_SPOOL}; read -r sup rest <"$c/sup"; cat /proc/uptime "/proc/$sup/stat"`;

/**
 * Waiting takes no work. Work is measured in page faults, as a process costs the same number of them on any machine,
 * and compared with starting the same command, which takes a few processes.
 */
export function idleContract(bench: () => Bench): void {
  it.each([
    ['an hour', 3600, 1],
    ['four seconds', 4, 20],
  ])('takes little to watch a command that may be silent for %s', async (_, noOutputTimeoutSeconds, starts) => {
    const script = `${WORK}; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 1; ${WORK}; times`;
    const { stdout, record } = await bench().run({ program: { script }, noOutputTimeoutSeconds });
    expect(startsPerSecond(stdout)).toBeLessThan(starts);
    expect(record.cpuMs).toBeLessThan(2 * usedMs(stdout));
  });

  it('takes little to watch what is left during the grace', async () => {
    const script = `(trap '' TERM; ${WORK}; echo ready; sleep 1; ${WORK}) & exec sleep 300`;
    const commandId = await bench().background({ program: { script } });
    await bench().supervisor.cancel(commandId, 10);
    expect(startsPerSecond((await bench().follow(commandId)).stdout)).toBeLessThan(20);
  });

  it('counts the silence from the last output on, also with nobody attached', async () => {
    const script = 'echo ready; sleep 0.4; echo last; sleep 300';
    const request = { program: { script }, noOutputTimeoutSeconds: 1, graceSeconds: 0 };
    const record = await bench().record(await bench().background(request));
    expect(record).toMatchObject({ reason: 'no_output', stored: { stdout: 11 } });
    expect(record.durationMs).toBeGreaterThanOrEqual(1400);
  });
}

/** The supervisor's work per second between two prints of {@link WORK}, relative to a start. @see proc_pid_stat(5) */
function startsPerSecond(stdout: Buffer): number {
  const prints = [...stdout.toString().matchAll(/^([\d.]+) [\d.]+\n\d+ \(.*\) (.*)$/gm)];
  const [begin, end] = prints.map(([, seconds, stat = '']) => {
    const [faults, ofChildren] = stat.split(' ').slice(7, 9).map(Number);
    return { seconds: Number(seconds), faults: Number(faults) + Number(ofChildren) };
  });
  return (end!.faults - begin!.faults) / begin!.faults / (end!.seconds - begin!.seconds);
}

/** The processor time that `times` printed: of the shell and of its children, in user and system mode. */
function usedMs(stdout: Buffer): number {
  const parts = [...stdout.toString().matchAll(/(\d+)m(\d+\.\d+)s/g)];
  return parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1_000, 0);
}
