import { DomainError } from './domain-error.js';

/** One page of a list, newest first. */
export interface Page<T> {
  readonly data: readonly T[];
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export interface PageRequest {
  /** 1 to 200. */
  readonly limit: number;
  /** The cursor that an earlier page gave. */
  readonly cursor?: string | undefined;
}

export class InvalidCursor extends DomainError {
  readonly kind = 'invalid';
  readonly code = 'INVALID_CURSOR';
  override readonly errors = [{ pointer: 'cursor', detail: 'must be a nextCursor of an earlier page' }];

  constructor() {
    super('The cursor is not one that this list gave.');
  }
}

/** Packs a sort key into an opaque cursor. */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws {@link InvalidCursor} unless the cursor holds values of the given types */
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
  // PostgreSQL takes no NUL in a text.
  if (!fits || parts.some((part) => String(part).includes('\0'))) throw new InvalidCursor();
  return parts as never;
}

/** Makes a page of rows that were read with one more than the limit. */
export function toPage<T>(rows: readonly T[], limit: number, keyOf: (row: T) => readonly (string | number)[]): Page<T> {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  return { data, nextCursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}
