import { newId } from './ids.js';
import { InvalidCursor, PAGE_BYTES_MAX, decodeCursor, decodeIdCursor, encodeCursor, toPage } from './page.js';

const raw = (text: string): string => Buffer.from(text).toString('base64url');

describe('cursors', () => {
  it.each([[['cmd_x']], [[1_700_000_000_000, 'web']], [['ä"\\', 0]]])('can be decoded: %j', (key) => {
    const types = key.map((part) => typeof part as 'string' | 'number');
    expect(decodeCursor(encodeCursor(key), ...types)).toEqual(key);
  });

  it('of ids are of one list', () => {
    const id = newId('cmd');
    expect(decodeIdCursor(undefined, 'cmd')).toBeNull();
    expect(decodeIdCursor(encodeCursor([id]), 'cmd')).toBe(id);
    for (const other of [newId('key'), 'web', '']) {
      expect(() => decodeIdCursor(encodeCursor([other]), 'cmd')).toThrow(InvalidCursor);
    }
  });

  it('contain nothing that a query must escape', () => {
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
  ])('are refused if they are malformed: %j', (cursor) => {
    expect(() => decodeCursor(cursor, 'string')).toThrow(InvalidCursor);
  });

  it('are refused by a list with another sort key', () => {
    expect(() => decodeCursor(encodeCursor(['a']), 'number', 'string')).toThrow(InvalidCursor);
    expect(() => decodeCursor(encodeCursor([1, 'a']), 'string', 'number')).toThrow(InvalidCursor);
  });
});

describe('toPage', () => {
  const keyOf = (row: number): [number] => [row];

  it('returns a cursor only if there is more', () => {
    expect(toPage([], 2, keyOf)).toEqual({ data: [], nextCursor: null });
    expect(toPage([1, 2], 2, keyOf)).toEqual({ data: [1, 2], nextCursor: null });
    const page = toPage([1, 2, 3], 2, keyOf);
    expect(page.data).toEqual([1, 2]);
    expect(decodeCursor(page.nextCursor!, 'number')).toEqual([2]);
  });

  describe('of large rows', () => {
    const keyOf = ({ id }: { id: number }): [number] => [id];
    const rowsOf = (text: string, count = 200): { id: number; text: string }[] =>
      Array.from({ length: count }, (_, id) => ({ id, text }));

    it.each(['x'.repeat(100_000), '\u0001'.repeat(20_000), 'ä'.repeat(60_000)])(
      'ends before the JSON has more than 1 MiB (%#)',
      (text) => {
        const { data, nextCursor } = toPage(rowsOf(text), 200, keyOf);
        const bytes = Buffer.byteLength(JSON.stringify({ data, nextCursor }));
        expect(bytes).toBeLessThanOrEqual(PAGE_BYTES_MAX + 100);
        expect(bytes).toBeGreaterThan(PAGE_BYTES_MAX - 130_000);
        expect(decodeCursor(nextCursor!, 'number')).toEqual([data.length - 1]);
      },
    );

    it('has at least one row', () => {
      const { data, nextCursor } = toPage(rowsOf('x'.repeat(2 * PAGE_BYTES_MAX), 2), 200, keyOf);
      expect([data.length, nextCursor === null]).toEqual([1, false]);
    });

    it('continues after rows that were read only in part', () => {
      const { data, nextCursor } = toPage(rowsOf('x', 3), 200, keyOf, true);
      expect([data.length, decodeCursor(nextCursor!, 'number')]).toEqual([3, [2]]);
    });
  });
});
