import { Random, anExitRecord } from '@app/commands/testing';
import { endingOf, killed, lost, notStarted } from './result.js';
import { START } from './position.js';

const REASONS = ['exited', 'signaled', 'timed_out', 'no_output', 'cancelled', 'start_failed'] as const;

describe('endingOf', () => {
  it.each([
    [{ reason: 'exited', exitCode: 0 }, 'succeeded', 'exited'],
    [{ reason: 'exited', exitCode: 1 }, 'failed', 'exited'],
    [{ reason: 'exited', exitCode: 127 }, 'failed', 'exited'],
    [{ reason: 'exited', exitCode: 137 }, 'failed', 'exited'],
    [{ reason: 'exited', exitCode: null }, 'failed', 'exited'],
    [{ reason: 'signaled', exitCode: null, signal: 'SIGKILL' }, 'failed', 'signaled'],
    [{ reason: 'timed_out', exitCode: null, signal: 'SIGTERM' }, 'timed_out', 'timed_out'],
    [{ reason: 'no_output', exitCode: null, signal: 'SIGKILL' }, 'timed_out', 'no_output'],
    [{ reason: 'cancelled', exitCode: null, signal: 'SIGTERM' }, 'cancelled', 'cancelled'],
    [{ reason: 'start_failed', exitCode: null, detail: 'no such directory' }, 'failed', 'start_failed'],
    // A command killed for a reason is not a success even if it then exits with 0.
    [{ reason: 'timed_out', exitCode: 0 }, 'timed_out', 'timed_out'],
    [{ reason: 'cancelled', exitCode: 0 }, 'cancelled', 'cancelled'],
    [{ reason: 'signaled', exitCode: 0 }, 'failed', 'signaled'],
  ] as const)('says of %j: %s', (traits, status, reason) => {
    const ending = endingOf(anExitRecord(traits), START);
    expect([ending.status, ending.result.reason]).toEqual([status, reason]);
    expect(ending.result.exitCode).toBe(traits.exitCode);
  });

  it('never reports success unless the main process exited with 0 and every byte is accounted for', () => {
    const random = new Random(4711);
    for (let i = 0; i < 5_000; i++) {
      const produced = { stdout: random.below(3), stderr: random.below(3) };
      const position = { stdout: random.below(3), stderr: random.below(3) };
      const record = anExitRecord({
        reason: random.pick(REASONS),
        exitCode: random.pick([0, 0, 1, null]),
        produced,
        stored: { stdout: random.below(3), stderr: random.below(3) },
      });
      const isWhole = produced.stdout === position.stdout && produced.stderr === position.stderr;
      const { status } = endingOf(record, position);
      expect(status === 'succeeded').toBe(isWhole && record.reason === 'exited' && record.exitCode === 0);
      expect(status === 'lost').toBe(!isWhole);
    }
  });

  it('reports which counts differ', () => {
    const { status, result } = endingOf(anExitRecord({ produced: { stdout: 5, stderr: 6 } }), { stdout: 5, stderr: 4 });
    expect(status).toBe('lost');
    expect(result).toMatchObject({ reason: 'unknown', exitCode: 0, stdoutBytes: 5, stderrBytes: 6 });
    expect(result.detail).toBe(
      'The exit record says 5 stdout and 6 stderr bytes, but 5 stdout and 4 stderr are accounted for.',
    );
  });

  it('reports truncation when less was kept than produced', () => {
    const record = anExitRecord({ produced: { stdout: 9, stderr: 0 }, stored: { stdout: 4, stderr: 0 } });
    expect(endingOf(record, { stdout: 9, stderr: 0 }).result.truncated).toBe(true);
    expect(endingOf(anExitRecord(), START).result.truncated).toBe(false);
  });

  it('reports what a kill found, and omits what it did not', () => {
    const kill = { killVerified: false, survivors: 2, isMarked: true };
    const cancelled = endingOf(anExitRecord({ reason: 'cancelled', kill, leftKilled: 3 }), START).result;
    expect(cancelled).toMatchObject({ killVerified: false, survivors: 2, leftKilled: 3 });
    expect(cancelled).not.toHaveProperty('isMarked');
    expect(cancelled).not.toHaveProperty('detail');
    const { result } = endingOf(anExitRecord({ cpuMs: null }), START);
    for (const field of ['killVerified', 'survivors', 'leftKilled', 'cpuMs', 'detail']) {
      expect(result).not.toHaveProperty(field);
    }
  });

  it('reports that a kill may have missed unmarked processes', () => {
    const kill = { killVerified: true, survivors: 0, isMarked: false };
    const { result } = endingOf(anExitRecord({ reason: 'cancelled', kill }), START);
    expect(result).toMatchObject({ killVerified: true, detail: expect.stringContaining('could not be marked') });
    expect(killed(kill, 'The pod is gone.').detail).toMatch(/^The pod is gone\. The processes .* could not be marked/);
  });
});

describe('the detail', () => {
  it.each(['a\u0000b', 'half of a \ud83d', '\udc00'])('contains nothing that cannot be stored: %j', (detail) => {
    const endings = [
      endingOf(anExitRecord({ reason: 'start_failed', exitCode: null, detail }), START),
      lost('unknown', detail, START),
      notStarted('failed', 'start_failed', detail),
    ];
    for (const { result } of endings) {
      expect(result.detail).toContain('\ufffd');
      expect(result.detail).not.toContain('\0');
      expect(result.detail!.isWellFormed()).toBe(true);
    }
  });
});

describe('lost and notStarted', () => {
  it('claim no exit, no time and no more bytes than there are', () => {
    expect(lost('pod_lost', 'gone', { stdout: 7, stderr: 1 })).toEqual({
      status: 'lost',
      result: {
        exitCode: null,
        signal: null,
        reason: 'pod_lost',
        detail: 'gone',
        durationMs: null,
        stdoutBytes: 7,
        stderrBytes: 1,
        truncated: false,
      },
    });
    expect(notStarted('expired', 'expired_in_queue', 'late')).toMatchObject({
      status: 'expired',
      result: { exitCode: null, durationMs: null, stdoutBytes: 0, stderrBytes: 0 },
    });
  });
});
