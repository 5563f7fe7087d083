import { AttachmentPace } from './attachment-pace.js';

const at = (stdout: number) => ({ stdout, stderr: 0 });

describe('AttachmentPace', () => {
  let now = 0;
  const pace = (): AttachmentPace => new AttachmentPace(() => now);

  it('counts what does not open, and what opens and ends without output', () => {
    const counted = pace();
    expect([counted.ended(at(0)), counted.ended(at(0))]).toEqual([0, 1]);
    counted.opened(at(0));
    expect(counted.ended(at(0))).toBe(2);
  });

  it('begins again after output, or after some time', () => {
    const counted = pace();
    counted.ended(at(0));
    counted.opened(at(0));
    expect(counted.ended(at(1))).toBe(0);
    counted.opened(at(1));
    now += 5_000;
    expect(counted.ended(at(1))).toBe(0);
    expect(counted.ended(at(1))).toBe(1);
  });
});
