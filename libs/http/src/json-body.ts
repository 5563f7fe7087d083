import { isUtf8 } from 'node:buffer';
import { type InvalidField, InvalidInput } from '@app/kernel';
import { BadRequestException } from '@nestjs/common';
import { DEPTH_MAX, childPointer } from './input.js';

/** Names and elements of a whole body; the largest valid one has about 5,200. */
const PARTS_MAX = 8_192;
const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c];
/** "[" and "{" differ in one bit, as do "]" and "}". */
const [OPEN, CLOSE, BRACE_BIT] = [0x7b, 0x7d, 0x20];

/**
 * Parses a body.
 * @throws {@link InvalidInput} or BadRequestException if it is not an object, has too many parts, or a duplicate name
 */
export function parseBody(bytes: Buffer): object {
  if (!isUtf8(bytes)) throw new BadRequestException('The body is not valid UTF-8.');
  const scan = new Scan(bytes);
  if (scan.overfull !== null) throw new InvalidInput([scan.overfull]);
  const body = parse(bytes);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InvalidInput([{ pointer: '#', detail: 'must be a JSON object' }]);
  }
  if (scan.repeated !== null) throw new InvalidInput([scan.repeated]);
  return body;
}

function parse(bytes: Buffer): unknown {
  try {
    // Unlike toString, it removes a byte order mark.
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new BadRequestException('The body is not valid JSON.');
  }
}

/** An enclosing object or array: the current position in it, and the names so far in an object. */
interface Level {
  readonly names: Set<string> | null;
  at: string | number;
}

/**
 * Scans the text for too many names and elements, since JSON.parse takes 100 ms for a MiB of names and
 * class-transformer quadratic time; and for duplicate names, which JSON.parse does not report: parsers differ in
 * whether the first or the last wins.
 */
class Scan {
  /** Where there are too many names and elements; null: nowhere. */
  overfull: InvalidField | null = null;
  /** The first duplicate name. */
  repeated: InvalidField | null = null;
  private readonly levels: Level[] = [];
  private parts = 0;

  constructor(json: Buffer) {
    let textStart = -1;
    for (let at = 0; at < json.length && this.parts <= PARTS_MAX; at++) {
      const byte = json[at] ?? 0;
      if (byte === QUOTE) {
        textStart = at + 1;
        at = textEnd(json, textStart);
      } else if (byte === COLON && textStart >= 0) {
        this.name(json.toString('utf8', textStart, textEnd(json, textStart)));
        textStart = -1;
      } else this.mark(byte);
    }
    if (this.parts > PARTS_MAX) this.overfull = tooMany(this.levels);
  }

  private name(text: string): void {
    const level = this.levels.at(-1);
    if (level?.names === null || level === undefined) return;
    level.at = nameOf(text);
    if (level.names.has(level.at))
      this.repeated ??= { pointer: pointerTo(this.levels), detail: 'must not be repeated' };
    level.names.add(level.at);
  }

  private mark(byte: number): void {
    const level = this.levels.at(-1);
    if (byte === COMMA) {
      this.parts++;
      if (typeof level?.at === 'number') level.at++;
    } else if ((byte | BRACE_BIT) === OPEN) {
      this.parts++;
      this.levels.push(byte === OPEN ? { names: new Set(), at: '' } : { names: null, at: 0 });
    } else if ((byte | BRACE_BIT) === CLOSE) this.levels.pop();
  }
}

function tooMany([top, inner]: readonly Level[]): InvalidField {
  return {
    pointer: top !== undefined && inner !== undefined && top.names !== null ? childPointer('#', String(top.at)) : '#',
    detail: `must not have more than ${String(PARTS_MAX)} names and elements, including all before it`,
  };
}

/** Deeper nesting is refused anyway. */
function pointerTo(levels: readonly Level[]): string {
  return levels.slice(0, DEPTH_MAX).reduce((pointer, { at }) => childPointer(pointer, String(at)), '#');
}

function nameOf(text: string): string {
  if (!text.includes('\\')) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text; // Not valid JSON, which parsing reports.
  }
}

function textEnd(json: Buffer, start: number): number {
  let at = start;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
