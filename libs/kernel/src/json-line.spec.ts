import { jsonLine } from './json-line.js';

describe('jsonLine', () => {
  /** The line ends of Python's `str.splitlines`. */
  const ENDS = ['\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\x85', '\u2028', '\u2029'];

  it('contains no character that ends a line for any program', () => {
    const value = { data: `a${ENDS.join('b')}c💥é`, [`n\u2028`]: ENDS };
    const line = jsonLine(value);
    expect(ENDS.filter((end) => line.includes(end))).toEqual([]);
    expect(JSON.parse(line)).toEqual(value);
  });
});
