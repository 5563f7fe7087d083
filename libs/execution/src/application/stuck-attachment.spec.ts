import { anAttachment } from '@app/execution/testing';
import { StuckAttachment } from './stuck-attachment.js';

describe('StuckAttachment', () => {
  const start = { stdout: 0, stderr: 0 };

  it('closes an attachment without progress, and leaves one with progress open', async () => {
    let now = 0;
    const stuck = new StuckAttachment(() => now);
    const attachment = stuck.watch(anAttachment({}));
    let isClosed = false;
    void attachment.end.then(() => (isClosed = true));
    const after = async (ms: number, stdout: number): Promise<boolean> => {
      now += ms;
      stuck.check({ ...start, stdout });
      await new Promise((resolve) => setImmediate(resolve));
      return isClosed;
    };
    expect(await after(60_000, 0)).toBe(false);
    expect(await after(9_000, 0)).toBe(false);
    expect(await after(9_000, 1)).toBe(false);
    expect(await after(9_000, 1)).toBe(false);
    expect(await after(1_000, 1)).toBe(true);
  });
});
