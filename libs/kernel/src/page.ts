import { DomainError } from './domain-error.js';
import { type IdPrefix, isId } from './ids.js';

/** One page of a list, newest first. */
export interface Page<T> {
  readonly data: readonly T[];
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export interface PageRequest {
  /** 1 to 200. */
  readonly limit: number;
  /** The cursor of an earlier page. */
  readonly cursor?: string | undefined;
}

/** The position to continue from is invalid: a cursor of a list, or the id of an event in a header or parameter. */
export class InvalidCursor extends DomainError {
  readonly kind = 'invalid';
  readonly code = 'INVALID_CURSOR';
  override readonly errors;

  constructor(pointer: 'cursor' | 'Last-Event-ID' | 'lastEventId' = 'cursor') {
    const [what, detail] =
      pointer === 'cursor'
        ? ['The cursor is not valid for this list.', 'must be a nextCursor of an earlier page']
        : [`${pointer} is not valid for this stream.`, 'must be the id of an event of this stream'];
    super(what);
    this.errors = [{ pointer, detail }];
  }
}

/** Packs a sort key into an opaque cursor. */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws {@link InvalidCursor} unless the cursor contains values of the given types */
export function decodeCursor<T extends readonly ('string' | 'number')[]>(
  cursor: string,
  ...types: T
): { [K in keyof T]: T[K] extends 'string' ? string : number } {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    throw new InvalidCursor();
  }
  const parts: readonly unknown[] = Array.isArray(key) ? key : [];
  const fits = parts.length === types.length && types.every((type, i) => typeof parts[i] === type);
  // PostgreSQL rejects NUL in texts.
  if (!fits || parts.some((part) => String(part).includes('\0'))) throw new InvalidCursor();
  return parts as never;
}

/** The id in a cursor of a list by id. @throws {@link InvalidCursor} if it is of another list */
export function decodeIdCursor(cursor: string | undefined, prefix: IdPrefix): string | null {
  if (cursor === undefined) return null;
  const [id] = decodeCursor(cursor, 'string');
  if (!isId(prefix, id)) throw new InvalidCursor();
  return id;
}

/** Maximum JSON size of the items of a page, unless the first one alone is larger. */
export const PAGE_BYTES_MAX = 1024 * 1024;

/**
 * Builds a page of the first rows: at most `limit`, and at most {@link PAGE_BYTES_MAX} of JSON, so that the size of a
 * response is bounded. The next page begins after its last row.
 * @param hasMore whether there are more rows; implied if there are more rows than the limit
 */
export function toPage<T>(
  rows: readonly T[],
  limit: number,
  keyOf: (row: T) => readonly (string | number)[],
  hasMore = false,
): Page<T> {
  const data = fitting(rows.slice(0, limit));
  const last = data.at(-1);
  const isLast = !hasMore && data.length === rows.length;
  return { data, nextCursor: isLast || last === undefined ? null : encodeCursor(keyOf(last)) };
}

function fitting<T>(rows: readonly T[]): readonly T[] {
  let bytes = 0;
  const first = rows.findIndex((row, index) => {
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
    return bytes > PAGE_BYTES_MAX && index > 0;
  });
  return first < 0 ? rows : rows.slice(0, first);
}
