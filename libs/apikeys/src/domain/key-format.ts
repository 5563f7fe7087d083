import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORM = /^rdev_([0-9A-Za-z]{8})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

/** A key in clear text: shown once, never stored. */
export interface Secret {
  readonly prefix: string;
  readonly text: string;
}

/**
 * A new key: `rdev_`, 8 public base62 characters, `_`, 32 random ones (190 bits), and a CRC-32 of all that in 6
 * characters, so that typos are detected without a lookup and scanners recognise leaked keys.
 */
export function newSecret(): Secret {
  const prefix = randomBase62(8);
  const body = `rdev_${prefix}_${randomBase62(32)}`;
  return { prefix, text: body + checksum(body) };
}

/** Null unless the text has the format of a key and a valid checksum. */
export function parseSecret(text: string): Secret | null {
  const match = FORM.exec(text);
  if (match?.[1] === undefined || checksum(text.slice(0, -6)) !== text.slice(-6)) return null;
  return { prefix: match[1], text };
}

export function hashSecret(secret: Secret): Buffer {
  return createHash('sha256').update(secret.text).digest();
}

/** Compares in constant time. */
export function matchesHash(secret: Secret, hash: Buffer): boolean {
  const own = hashSecret(secret);
  return own.length === hash.length && timingSafeEqual(own, hash);
}

function randomBase62(length: number): string {
  return Array.from({ length }, () => BASE62.charAt(randomInt(62))).join('');
}

/** CRC-32 in base62. */
export function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < 6; i++) {
    digits = BASE62.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
