import { hashSecret, matchesHash, newSecret, parseSecret } from './key-format.js';

describe('keys', () => {
  it('have the format that scanners look for', () => {
    for (let i = 0; i < 200; i++) {
      const { prefix, text } = newSecret();
      expect(text).toMatch(/^rdev_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/);
      expect(text.startsWith(`rdev_${prefix}_`)).toBe(true);
    }
  });

  it('are unique, and use the whole alphabet', () => {
    const texts = Array.from({ length: 500 }, () => newSecret().text);
    expect(new Set(texts).size).toBe(500);
    expect(new Set(texts.flatMap((text) => Array.from(text.slice(14, 46)))).size).toBe(62);
  });

  it('can be parsed', () => {
    const secret = newSecret();
    expect(parseSecret(secret.text)).toEqual(secret);
  });

  it('have a checksum that detects every single-character typo and every transposition of neighbours', () => {
    const { text } = newSecret();
    for (let at = 5; at < text.length; at++) {
      if (text[at] === '_') continue;
      const typo = text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);
      expect(parseSecret(typo)).toBeNull();
      const swapped = text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2);
      if (swapped !== text) expect(parseSecret(swapped)).toBeNull();
    }
  });

  it('have the documented checksum: CRC-32 of all before it, in base62', () => {
    const known = 'rdev_00000000_00000000000000000000000000000000';
    const { text } = parseSecret(`${known}${checksum(known)}`) ?? { text: null };
    expect(text).not.toBeNull();
  });

  it.each([
    '',
    'rdev_',
    'Bearer rdev_00000000_x',
    `rdev_${'0'.repeat(8)}_${'0'.repeat(38)}`,
    `xdev_${'0'.repeat(8)}_${'0'.repeat(38)}`,
    `rdev_${'0'.repeat(8)}_${'é'.repeat(38)}`,
  ])('are not parsed from "%s"', (text) => {
    expect(parseSecret(text)).toBeNull();
  });

  it('are not parsed from longer texts', () => {
    const { text } = newSecret();
    for (const other of [` ${text}`, `${text} `, `${text}\n`, `${text}0`, text.slice(0, -1), text.toUpperCase()]) {
      expect(parseSecret(other)).toBeNull();
    }
  });

  it('match only their own hash', () => {
    const [one, two] = [newSecret(), newSecret()];
    expect(matchesHash(one, hashSecret(one))).toBe(true);
    expect(matchesHash(two, hashSecret(one))).toBe(false);
    expect(matchesHash(one, Buffer.alloc(0))).toBe(false);
    expect(hashSecret(one).toString('latin1')).not.toContain(one.text);
  });
});

/** An independent implementation. */
function checksum(text: string): string {
  const table = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) crc = (table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)) >>> 0;
  let rest = BigInt((crc ^ 0xffffffff) >>> 0);
  let digits = '';
  while (digits.length < 6) {
    digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'[Number(rest % 62n)]! + digits;
    rest /= 62n;
  }
  return digits;
}
