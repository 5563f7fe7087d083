import { encode, partialCharacterBytes } from './utf8.js';

const SAMPLES = ['a', 'é', '€', '😀', 'aé€😀z', '\u{10FFFF}', '\uFEFFx', '\u0000', 'नमस्ते', '👩‍👩‍👧'];

describe('partialCharacterBytes', () => {
  it.each(SAMPLES)('returns for every cut of "%s" how much is only the beginning of a character', (sample) => {
    const bytes = Buffer.from(sample);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const piece = bytes.subarray(0, cut);
      const whole = piece.subarray(0, piece.length - partialCharacterBytes(piece));
      expect(whole.toString()).not.toContain('\uFFFD');
      expect(sample.startsWith(whole.toString())).toBe(true);
      // Nothing is held back that could be sent.
      expect(whole.length).toBe(wholeBytes(sample, cut));
    }
  });

  it('is 0 for nothing and for complete characters', () => {
    expect(partialCharacterBytes(Buffer.alloc(0))).toBe(0);
    for (const sample of SAMPLES) expect(partialCharacterBytes(Buffer.from(sample))).toBe(0);
  });

  it.each([
    ['continuations without a lead', [0x80, 0x80, 0x80, 0x80]],
    ['bytes that never occur in UTF-8', [0xff, 0xfe, 0xf8]],
    ['a lead with too many continuations', [0xc3, 0xa9, 0x80]],
    ['text after a partial character', [0xe2, 0x82, 0x61]],
  ])('waits for nothing after %s', (_case, bytes) => {
    expect(partialCharacterBytes(Buffer.from(bytes))).toBe(0);
  });

  it('never holds back more than three bytes, whatever they are', () => {
    for (let value = 0; value < 65_536; value += 7) {
      const bytes = Buffer.from([0x61, value >> 8, value & 0xff, (value * 31) & 0xff]);
      expect(partialCharacterBytes(bytes)).toBeLessThanOrEqual(3);
    }
  });
});

/** The bytes of the complete characters before the cut. */
function wholeBytes(sample: string, cut: number): number {
  let sum = 0;
  for (const character of sample) {
    const size = Buffer.byteLength(character);
    if (sum + size > cut) break;
    sum += size;
  }
  return sum;
}

describe('encode', () => {
  it.each(['', 'hello', 'ä€😀', '\uFEFFwith a BOM', '\u0000', '\uFFFD'])('keeps text as it is: "%s"', (text) => {
    expect(encode(Buffer.from(text))).toEqual({ data: text, encoding: 'utf-8' });
  });

  it.each([
    ['a lone continuation', [0x80]],
    ['a partial character', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point that is too high', [0xf4, 0x90, 0x80, 0x80]],
    ['one bad byte in a long text', [...Buffer.from('text '.repeat(100)), 0xff]],
  ])('encodes %s as base64, which is exactly the bytes', (_case, bytes) => {
    const { data, encoding } = encode(Buffer.from(bytes));
    expect(encoding).toBe('base64');
    expect([...Buffer.from(data, 'base64')]).toEqual(bytes);
  });
});
