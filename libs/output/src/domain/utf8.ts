import { isUtf8 } from 'node:buffer';
import { jsonLine } from '@app/kernel';

/** How a client gets bytes in JSON: as text where they are UTF-8, else as base64. */
export interface Encoded {
  readonly data: string;
  readonly encoding: 'utf-8' | 'base64';
}

/** Text stays text, a BOM included; anything else is base64. */
export function encode(bytes: Buffer): Encoded {
  return isUtf8(bytes)
    ? { data: bytes.toString('utf8'), encoding: 'utf-8' }
    : { data: bytes.toString('base64'), encoding: 'base64' };
}

/** How many bytes the text has in a line of JSON. */
export function jsonBytes({ data }: Encoded): number {
  return Buffer.byteLength(jsonLine(data));
}

/** How many bytes at the end are the beginning of a UTF-8 character whose rest is still to come: 0 to 3. */
export function partialCharacterBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue; // A continuation: look further back for its lead.
    const length =
      byte >= 0b1111_0000 && byte < 0b1111_1000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
    return byte < 0b1111_1000 && length > back ? back : 0;
  }
  return 0;
}
