import { hashSecret, matchesHash, newSecret, parseSecret } from './key-format.js';

describe('keys', () => {
  it('have the form that scanners look for', () => {
    for (let i = 0; i < 200; i++) {
      const { prefix, text } = newSecret();
      expect(text).toMatch(/^rdev_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$/);
      expect(text.startsWith(`rdev_${prefix}_`)).toBe(true);
    }
  });

  it('are all different, and use the whole alphabet', () => {
    const texts = Array.from({ length: 500 }, () => newSecret().text);
    expect(new Set(texts).size).toBe(500);
    expect(new Set(texts.flatMap((text) => Array.from(text.slice(14, 46)))).size).toBe(62);
  });

  it('are read as they were made', () => {
    const secret = newSecret();
    expect(parseSecret(secret.text)).toEqual(secret);
  });

  it('have a checksum that finds every typo of one character, and neighbours that changed places', () => {
    const { text } = newSecret();
    for (let at = 5; at < text.length; at++) {
      if (text[at] === '_') continue;
      const typo = text.slice(0, at) + (text[at] === 'a' ? 'b' : 'a') + text.slice(at + 1);
      expect(parseSecret(typo)).toBeNull();
      const swapped = text.slice(0, at) + (text[at + 1] ?? '') + (text[at] ?? '') + text.slice(at + 2);
      if (swapped !== text) expect(parseSecret(swapped)).toBeNull();
    }
  });

  it('have the checksum that is written down: CRC-32 of all before it, in base62', () => {
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
  ])('are not "%s"', (text) => {
    expect(parseSecret(text)).toBeNull();
  });

  it('are not taken with anything around them', () => {
    const { text } = newSecret();
    for (const other of [` ${text}`, `${text} `, `${text}\n`, `${text}0`, text.slice(0, -1), text.toUpperCase()]) {
      expect(parseSecret(other)).toBeNull();
    }
  });

  it('match their own hash only', () => {
    const [one, two] = [newSecret(), newSecret()];
    expect(matchesHash(one, hashSecret(one))).toBe(true);
    expect(matchesHash(two, hashSecret(one))).toBe(false);
    expect(matchesHash(one, Buffer.alloc(0))).toBe(false);
    expect(hashSecret(one).toString('latin1')).not.toContain(one.text);
  });
});

/** Written out once more, by another way. */
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
