import { InvalidCursor, decodeCursor, encodeCursor, toPage } from './page.js';

const raw = (text: string): string => Buffer.from(text).toString('base64url');

describe('cursors', () => {
  it.each([[['cmd_x']], [[1_700_000_000_000, 'web']], [['ä"\\', 0]]])('come back as they went: %j', (key) => {
    const types = key.map((part) => typeof part as 'string' | 'number');
    expect(decodeCursor(encodeCursor(key), ...types)).toEqual(key);
  });

  it('hold nothing that a query must escape', () => {
    expect(encodeCursor(['???>>>ÿÿÿ', 1])).toMatch(/^[\w-]+$/);
  });

  it.each([
    '',
    ' ',
    'null',
    'garbage!',
    raw(''),
    raw('null'),
    raw('{}'),
    raw('"x"'),
    raw('[]'),
    raw('[1]'),
    raw('["a","b"]'),
    raw('[null]'),
    raw('[["a"]]'),
    raw('["a"'),
    raw('["a\\u0000"]'),
    raw('["__proto__", 1]'),
    raw('{"0":"a","length":1}'),
  ])('are refused when they are not ours: %j', (cursor) => {
    expect(() => decodeCursor(cursor, 'string')).toThrow(InvalidCursor);
  });

  it('are refused by a list that has another key', () => {
    expect(() => decodeCursor(encodeCursor(['a']), 'number', 'string')).toThrow(InvalidCursor);
    expect(() => decodeCursor(encodeCursor([1, 'a']), 'string', 'number')).toThrow(InvalidCursor);
  });
});

describe('toPage', () => {
  const keyOf = (row: number): [number] => [row];

  it('gives a cursor only when there is more', () => {
    expect(toPage([], 2, keyOf)).toEqual({ data: [], nextCursor: null });
    expect(toPage([1, 2], 2, keyOf)).toEqual({ data: [1, 2], nextCursor: null });
    const page = toPage([1, 2, 3], 2, keyOf);
    expect(page.data).toEqual([1, 2]);
    expect(decodeCursor(page.nextCursor!, 'number')).toEqual([2]);
  });
});
