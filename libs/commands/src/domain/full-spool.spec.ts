import { anExitRecord } from '../../testing/index.js';
import { spoolWasFull, withFullSpool } from './result.js';

describe('a full spool', () => {
  const stored = { stdout: 100, stderr: 0 };
  const produced = { stdout: 150, stderr: 0 };

  it('is distinguished from the output limit by how much was stored', () => {
    expect(spoolWasFull(anExitRecord({ stored, produced }), 1000)).toBe(true);
    expect(spoolWasFull(anExitRecord({ stored, produced }), 100)).toBe(false);
    expect(spoolWasFull(anExitRecord({ stored, produced: stored }), 1000)).toBe(false);
  });

  it('is never a success', () => {
    const { status, result } = withFullSpool(anExitRecord({ stored, produced }), produced);
    expect(status).toBe('lost');
    expect(result).toMatchObject({
      reason: 'unknown',
      exitCode: 0,
      truncated: true,
      detail: expect.stringContaining('full'),
    });
  });
});
