import { isUtf8 } from 'node:buffer';
import { jsonLine } from '@app/kernel';

/** Bytes as JSON: text if they are UTF-8, otherwise base64. */
export interface Encoded {
  readonly data: string;
  readonly encoding: 'utf-8' | 'base64';
}

/** Text stays text, including a BOM; anything else becomes base64. */
export function encode(bytes: Buffer): Encoded {
  return isUtf8(bytes)
    ? { data: bytes.toString('utf8'), encoding: 'utf-8' }
    : { data: bytes.toString('base64'), encoding: 'base64' };
}

/** Bytes that the text takes as a JSON string. */
export function jsonBytes({ data, encoding }: Encoded): number {
  return encoding === 'base64' ? data.length + 2 : Buffer.byteLength(jsonLine(data));
}

/** Trailing bytes that begin a UTF-8 character whose rest is still to come: 0 to 3. */
export function partialCharacterBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue; // A continuation byte: the lead is further back.
    const length =
      byte >= 0b1111_0000 && byte < 0b1111_1000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
    return byte < 0b1111_1000 && length > back ? back : 0;
  }
  return 0;
}
