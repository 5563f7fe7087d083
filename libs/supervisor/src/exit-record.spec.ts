import { parseExitRecord } from './exit-record.js';

describe('parseExitRecord', () => {
  it('reads an exit', () => {
    expect(parseExitRecord('1 exited e 137 20 10 5 6 5 6 - 0 0 2\n   ')).toEqual({
      reason: 'exited',
      exitCode: 137,
      signal: null,
      detail: null,
      durationMs: 20,
      cpuMs: 10,
      produced: { stdout: 5, stderr: 6 },
      stored: { stdout: 5, stderr: 6 },
      kill: null,
      leftKilled: 2,
    });
  });

  it('reads a kill', () => {
    expect(parseExitRecord('1 timed_out s 9 20 - 5 6 4 6 0 1 2 -\n')).toMatchObject({
      exitCode: null,
      signal: 'SIGKILL',
      cpuMs: null,
      produced: { stdout: 5, stderr: 6 },
      stored: { stdout: 4, stderr: 6 },
      kill: { killVerified: false, survivors: 1, isMarked: false },
      leftKilled: null,
    });
  });

  it('says whether the processes were found by their mark', () => {
    expect(parseExitRecord('1 cancelled s 9 0 0 0 0 0 0 1 0 0 0').kill).toMatchObject({ isMarked: true });
    expect(parseExitRecord('1 cancelled s 9 0 0 0 0 0 0 1 0 1 0').kill).toMatchObject({ isMarked: false });
  });

  it.each([
    ['- 0', null, null],
    ['s 11', null, 'SIGSEGV'],
    ['s 34', null, 'SIG34'],
    ['e 255', 255, null],
  ])('reads the wait status %s', (status, exitCode, signal) => {
    expect(parseExitRecord(`1 cancelled ${status} 0 0 0 0 0 0 1 0 0 0`)).toMatchObject({ exitCode, signal });
  });

  it.each([
    '',
    '1',
    '2 exited e 0 0 0 0 0 0 0 - 0 0 0',
    '1 vanished e 0 0 0 0 0 0 0 - 0 0 0',
    '1 exited e x 0 0 0 0 0 0 - 0 0 0',
    '1 exited e 0 0 0 0 0 -1 0 - 0 0 0',
  ])('refuses %j', (text) => {
    expect(() => parseExitRecord(text)).toThrow('unexpected');
  });
});
